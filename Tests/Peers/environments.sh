#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the Python environments of the tests against real peers: `bash Tests/Peers/environments.sh`. Quick when they are there.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=Deploy/setup.sh
source "$root/Deploy/setup.sh"

python_environment "$root/.build/peers/main" "$root/Tests/Peers/requirements.txt"
for name in aws origins clients stores langgraph mem0; do
    python_environment "$root/.build/peers/$name" "$root/Tests/Peers/requirements-$name.txt"
done
