"""Runs what users do with a client, for unmodified.ts, which puts this folder on the path."""

import json
import traceback


def run_cases(cases):
    """Prints a line of JSON for each case, {"name", "ok", "detail"}, and {"cases"} last."""
    for case in cases:
        try:
            case()
            line = {'ok': True, 'detail': ''}
        except Exception:
            line = {'ok': False, 'detail': traceback.format_exc()}
        print(json.dumps({'name': case.__name__, **line}), flush=True)
    print(json.dumps({'cases': len(cases)}))
