"""Runs the scenarios against one server: run.py URL HTTP-URL full|short. One JSON line per scenario on stdout.

The last line is {"scenarios": how many were run}; what libraries print goes to stderr.
"""

import json
import os
import signal
import sys
import time
import traceback
import warnings

os.environ['NO_VERSION_CHECK'] = '1'
os.environ['JINA_OPTOUT_TELEMETRY'] = '1'
lines = os.fdopen(os.dup(1), 'w')
os.dup2(2, 1)
warnings.simplefilter('ignore')

from harness import SCENARIOS, Server  # noqa: E402
from scenarios import (  # noqa: E402, F401
    callbacks,
    connection,
    documents,
    encode,
    failures,
    order,
    parameters,
    rank,
    round_trip,
    search,
    tensors,
    together,
    traversal,
)

BOUND_S = 60


def too_long(*_):
    raise TimeoutError(f'the scenario took longer than {BOUND_S} s')


def say(**line):
    lines.write(json.dumps(line) + '\n')
    lines.flush()


url, http, extent = sys.argv[1:]
server = Server(url, http)
chosen = [one for one in SCENARIOS if server.protocol in one.protocols and (one.short or extent == 'full')]
signal.signal(signal.SIGALRM, too_long)
for one in chosen:
    start = time.time()
    signal.alarm(BOUND_S)
    try:
        one.run(server)
        say(name=one.name, ok=True, detail=f'{time.time() - start:.2f} s')
    except Exception:
        say(name=one.name, ok=False, detail=traceback.format_exc())
    finally:
        signal.alarm(0)
say(scenarios=len(chosen))
# Threads that Jina leaves behind must not keep the process.
lines.close()
os._exit(0)
