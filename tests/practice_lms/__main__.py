"""``python -m tests.practice_lms --port 8001 --tool http://127.0.0.1:8000 [--people people.json]``.

``LMS_STATE`` names the JSON file that keeps keys and grades from one run to the next.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from tests.practice_lms.app import create_platform
from tests.practice_lms.defaults import (
    CUSTOM_PARAMETERS,
    ICON_PATH,
    JWKS_PATH,
    LAUNCH_PATH,
    LOGIN_PATH,
    default_config,
    tool_at,
)
from tests.practice_lms.model import PlatformConfig
from tests.practice_lms.people_file import with_people_file
from tests.practice_lms.profiles import MOODLE_4_5, PROFILES
from tests.practice_lms.server import LOOPBACK, foreground_server


def main() -> None:
    """Serve one platform until it is interrupted."""
    options = _options()
    config = _config(options)
    server = foreground_server(create_platform(config), options.port)
    tool = config.tool
    sys.stdout.write(
        f"Practice LMS   {config.issuer}\n"
        f"client_id      {tool.client_id}\ndeployment_id  {tool.deployment_id}\n"
        f"tool           {tool.target_link_uri}\n"
    )
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.practice_lms", description="An LTI 1.3 platform to practise on."
    )
    parser.add_argument("--port", type=int, default=8001, help="port on 127.0.0.1 (default 8001)")
    parser.add_argument("--tool", default="http://127.0.0.1:8000", help="base address of the tool")
    parser.add_argument("--issuer", help="public base address, where it is not http://127.0.0.1:PORT")
    parser.add_argument("--profile", choices=PROFILES, default=MOODLE_4_5.name, help="habits (default %(default)s)")
    parser.add_argument("--people", type=Path, help="JSON file with people and courses")
    parser.add_argument("--client-id", help="client id of the tool")
    parser.add_argument("--deployment-id", help="deployment id of the tool")
    parser.add_argument("--login-path", default=LOGIN_PATH, help="path of the tool's login (default %(default)s)")
    parser.add_argument("--launch-path", default=LAUNCH_PATH, help="path of the tool's launch (default %(default)s)")
    parser.add_argument("--jwks-path", default=JWKS_PATH, help="path of the tool's key set (default %(default)s)")
    return parser.parse_args()


def _config(options: argparse.Namespace) -> PlatformConfig:
    state = os.environ.get("LMS_STATE", "")
    config = default_config(
        options.issuer or f"http://{LOOPBACK}:{options.port}", options.tool, Path(state) if state else None
    )
    tool = tool_at(options.tool, (options.login_path, options.launch_path, options.jwks_path))
    config = replace(
        config,
        profile=PROFILES[options.profile],
        tool=replace(
            tool,
            client_id=options.client_id or tool.client_id,
            deployment_id=options.deployment_id or tool.deployment_id,
            custom_parameters=CUSTOM_PARAMETERS,
            logo_url=f"{options.tool.rstrip('/')}{ICON_PATH}",
        ),
    )
    return with_people_file(config, options.people) if options.people else config


if __name__ == "__main__":
    main()
