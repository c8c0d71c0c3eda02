"""Runs the scenarios against one server: run.py URL HTTP-URL full|short. One JSON line per scenario on stdout.

The last line is {"scenarios": how many were run}; what libraries print goes to stderr.
"""

import faulthandler
import json
import os
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
    forms,
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


def say(**line):
    lines.write(json.dumps(line) + '\n')
    lines.flush()


url, http, extent = sys.argv[1:]
server = Server(url, http)
chosen = [one for one in SCENARIOS if server.protocol in one.protocols and (one.short or extent == 'full')]
for one in chosen:
    start = time.time()
    # Ends the process, with every thread's position on stderr.
    faulthandler.dump_traceback_later(BOUND_S, exit=True)
    try:
        one.run(server)
        say(name=one.name, ok=True, detail=f'{time.time() - start:.2f} s')
    except BaseException:
        say(name=one.name, ok=False, detail=traceback.format_exc())
    faulthandler.cancel_dump_traceback_later()
say(scenarios=len(chosen))
# Threads that Jina leaves behind must not keep the process.
lines.close()
os._exit(0)
