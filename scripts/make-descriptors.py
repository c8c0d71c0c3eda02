"""Writes data/services.bin: the files of data/proto as one FileDescriptorSet, which gRPC's reflection hands out.

Run: python3 scripts/make-descriptors.py (needs the package grpcio-tools)
"""

from pathlib import Path

from grpc_tools import protoc

DATA = Path(__file__).parent.parent / "data"
PROTO = DATA / "proto"
files = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
# First of the paths that protoc searches, so that its own files of the same names are not taken.
failed = protoc.main(["protoc", f"--proto_path={PROTO}", f"--descriptor_set_out={DATA / 'services.bin'}", *files])
if failed:
    raise SystemExit(failed)
