"""``python -m sandbox --port 8600 --state PATH/sandbox.db``: serve the sandbox on loopback."""

import argparse
import socket
import sys
from pathlib import Path

import uvicorn

from sandbox.app import create_app
from sandbox.wire import ClosableProtocol
from sandbox.world import World

HOST = "127.0.0.1"


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The other side, simulated.")
    parser.add_argument("--port", type=int, default=8600)
    parser.add_argument("--state", type=Path, default=Path("var/sandbox/sandbox.db"), help="where its state is kept")
    options = parser.parse_args()
    if _taken(options.port):
        print(f"sandbox: port {options.port} on {HOST} is taken; choose another with --port", file=sys.stderr)
        return 1
    options.state.parent.mkdir(parents=True, exist_ok=True)
    world = World.open(options.state, f"http://{HOST}:{options.port}")
    print(f"sandbox: {world.base_url}/phone/ · control API {world.base_url}/_sandbox/docs", flush=True)
    uvicorn.run(
        create_app(world), host=HOST, port=options.port, http=ClosableProtocol, log_level="warning", access_log=False
    )
    world.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
