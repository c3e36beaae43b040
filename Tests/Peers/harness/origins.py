# SPDX-License-Identifier: Apache-2.0
"""Origins of different families. Each tells, for every request that reached it, how it understood it.

nginx, HAProxy, Caddy and Envoy hand on what they understood to a witness of their own; the Python servers run an application
that writes it down. Each is set as lenient as it can be: what only a strict one would refuse must not get that far.
"""

import json
import os
import shutil
from pathlib import Path

from .bulkhead import ROOT
from .process import Owned, accepts, free_port
from .witness import Seen

PROGRAMS = Path(os.environ.get("BULKHEAD_ORIGINS", ROOT / ".build" / "peers" / "origins")) / "bin"
APPLICATION = Path(__file__).resolve().parents[1] / "origins"

NGINX = """
daemon off; worker_processes 1; pid nginx.pid; error_log nginx.log warn;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi; client_max_body_size 0;
  underscores_in_headers on; ignore_invalid_headers off; merge_slashes off;
  upstream witness {{ server 127.0.0.1:{witness}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://witness; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
    }}
  }}
}}
"""
HAPROXY = """
global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend callers
  bind 127.0.0.1:{port}
  option accept-invalid-http-request
  default_backend witness
backend witness
  option accept-invalid-http-response
  http-reuse always
  server one 127.0.0.1:{witness}
"""
CADDY = """
{{
  admin off
  auto_https off
  persist_config off
}}
http://127.0.0.1:{port} {{
  reverse_proxy 127.0.0.1:{witness}
}}
http://:{port} {{
  reverse_proxy 127.0.0.1:{witness}
}}
"""
ENVOY = """
static_resources:
  listeners:
    - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
      filter_chains:
        - filters:
            - name: http
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: callers
                codec_type: HTTP1
                http_protocol_options: {{accept_http_10: true, enable_trailers: true, allow_chunked_length: true}}
                route_config: {{virtual_hosts: [{{name: all, domains: ["*"], routes: [{{match: {{prefix: "/"}}, route: {{cluster: witness}}}}]}}]}}
                http_filters:
                  - name: router
                    typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
    - name: witness
      connect_timeout: 1s
      type: STATIC
      load_assignment:
        cluster_name: witness
        endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {witness}}}}}}}}}]}}]
"""


class Origin:
    """One family: a port where it listens, and what it has seen."""

    def __init__(self, name, port, process=None, witness=None, file=None):
        self.name, self.port, self.process, self.witness, self.file = name, port, process, witness, file
        self.told = 0

    def take(self):
        """What it has seen since the last time."""
        if self.witness is not None:
            seen = self.witness.seen[self.told:]
        else:
            lines = self.file.read_bytes().split(b"\n")[:-1][self.told:] if self.file.exists() else []
            seen = [Seen(told["method"], told["target"], told["headers"], told["body"].encode("latin-1"))
                    for told in map(json.loads, lines)]
        self.told += len(seen)
        return seen

    def stop(self):
        if self.process is not None:
            self.process.stop()


def proxy(name, folder, witness, template, command):
    """A program that is configured by a file and forwards to a port of the witness."""
    place, port = folder / name, free_port()
    place.mkdir()
    behind = witness.port()
    file = place / {"caddy": "Caddyfile", "envoy": "envoy.yaml"}.get(name, f"{name}.conf")
    file.write_text(template.format(port=port, witness=behind.number))
    environment = {"HOME": str(place), "XDG_DATA_HOME": str(place), "XDG_CONFIG_HOME": str(place)}
    process = Owned(name, command(file, place), place / "log", environment, place)
    process.await_ready(lambda: accepts(port))
    return Origin(name, port, process, witness=behind)


def server(name, folder, arguments):
    """A Python server that runs the application."""
    place, port = folder / name, free_port()
    place.mkdir()
    seen = place / "seen.jsonl"
    process = Owned(name, [PROGRAMS / "python", "-m", *arguments(port)], place / "log",
                    {"SEEN": str(seen), "PYTHONDONTWRITEBYTECODE": "1"}, APPLICATION)
    process.await_ready(lambda: accepts(port))
    return Origin(name, port, process, file=seen)


def missing():
    """What is not installed, or nothing."""
    return [name for name in ("nginx", "haproxy") if not shutil.which(name, path=SEARCH)] + [
        name for name in ("caddy", "envoy", "gunicorn", "uvicorn") if not (PROGRAMS / name).exists()]


SEARCH = os.environ.get("PATH", "") + ":/usr/sbin"


def start(folder, witness):
    """Starts all families; the first is the witness itself."""
    bare = witness.port()
    base = 10_000 + os.getpid() % 20_000
    return [
        Origin("witness", bare.number, witness=bare),
        proxy("nginx", folder, witness, NGINX,
              lambda file, place: [shutil.which("nginx", path=SEARCH), "-p", place, "-c", file, "-e", place / "first.log"]),
        proxy("haproxy", folder, witness, HAPROXY,
              lambda file, place: [shutil.which("haproxy", path=SEARCH), "-db", "-f", file]),
        proxy("caddy", folder, witness, CADDY,
              lambda file, place: [PROGRAMS / "caddy", "run", "--config", file, "--adapter", "caddyfile"]),
        proxy("envoy", folder, witness, ENVOY,
              lambda file, place: [PROGRAMS / "envoy", "-c", file, "--concurrency", "1", "--base-id", str(base),
                                   "--disable-hot-restart", "-l", "warning"]),
        server("gunicorn", folder, lambda port: [
            "gunicorn", "app:wsgi", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "4",
            "--keep-alive", "60", "--worker-tmp-dir", str(folder), "--header-map", "dangerous", "--permit-obsolete-folding",
            "--permit-unconventional-http-method", "--permit-unconventional-http-version"]),
        server("uvicorn", folder, lambda port: [
            "uvicorn", "app:asgi", "--port", str(port), "--http", "h11", "--no-access-log", "--timeout-keep-alive", "60"]),
        server("waitress", folder, lambda port: ["waitress", f"--listen=127.0.0.1:{port}", "app:wsgi"]),
    ]
