# SPDX-License-Identifier: Apache-2.0
"""What the tests against real peers are made of: processes, identities, Bulkhead itself, clients."""
