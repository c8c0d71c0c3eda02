import { readFileSync } from 'node:fs';

export const HELP = `clip-server: CLIP vectors for text and images, as a service

Usage:
  clip-server [FLOW]          serve the flow: a YAML file, a URL, YAML text, or one of
                              torch-flow.yml (default), onnx-flow.yml, tensorrt-flow.yml
  clip-server -i              serve the flow that is read from standard input
  clip-server demo            serve the small model that is part of this program, with a page to try it on: no download
  clip-server models          list the models: names, width, size, what is cached
  clip-server pull NAME...    fetch models into the cache
  clip-server inspect WHAT    what an ONNX file, a folder or a cached model holds, and how it is served
  clip-server doctor          what this host has: processor, NVIDIA driver, GPUs, TensorRT, ONNX Runtime
  clip-server build MODEL     build the TensorRT engines of a model; clip-server build --help lists its options
  clip-server engines WHAT    list, verify or prune the TensorRT engines that were built
  clip-server encode FILE...  vectors of lines of text, or of pictures, from a running server;
                              clip-server encode --help lists its options
  clip-server classify PICTURE... --labels A,B,C
                              which of the labels each picture is, with calibrated scores; no server needed
  clip-server search "WORDS" FOLDER
                              the pictures of a folder that are nearest to words, or to a picture (--image FILE);
                              no server needed
  clip-server ready [SERVER]  0 where a running server takes requests, else 1 and the reason
  clip-server --help          this text
  clip-server --version       the version

Environment:
  JINA_LOG_LEVEL              trace, debug, info, success, warning, error, critical
  CUDA_VISIBLE_DEVICES        as CUDA reads it, or RR... to deal devices out to replicas
  OMP_NUM_THREADS             CPU threads for all replicas together
  CLIP_SERVER_CACHE           where model files are kept (default ~/.cache/clip)
  CLIP_ENGINE_CACHE           where built TensorRT engines are kept (default engines/ in the former)
  CLIP_SERVER_OFFLINE         1: no network; models must be in the cache
  CLIP_SERVER_ENDPOINTS       file that takes the addresses once they are served; "ready" reads it
  CLIP_SERVER_SOURCES         base addresses to fetch models from, in order, separated by commas

Exit codes: 0 stopped by a signal after draining, 1 run-time fault, 2 fault of the command line or the configuration.
`;

/** The version in package.json, which lies two folders above both src/cli and dist/cli. */
export function version(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
