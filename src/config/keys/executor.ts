import { accepted, honoured } from '../section.ts';
import { ACCESS_PATHS, ANY, BOOLEAN, choice, DEVICE, FILE, integer, listOf, MAP, WORD } from '../values.ts';
import { LONGEST_MS } from './flow.ts';
import { PORT, TELEMETRY_KEYS } from './telemetry.ts';

const ONE = 'there is one executor, and every request goes to it';
const CONTAINERS = 'everything runs in one process, without containers';
const NO_HOP = 'there is no hop between gateway and executor';
const NO_PYTHON = 'no Python is loaded';
const NO_STATE = 'the encoder keeps no state';

/** An item of `executors`. */
export const EXECUTOR_KEYS = {
  name: honoured(
    WORD,
    undefined,
    'Name of the executor in routes, metrics and logs; letters, digits, `_` and `-`.',
    { defaultNote: '`executor0`' },
  ),
  uses: honoured(ANY, undefined, 'What the executor runs: see “Forms of `uses`”.'),
  uses_with: honoured(MAP, undefined, 'Parameters over those of `uses.with`.', {
    aliases: ['override_with'],
  }),
  uses_metas: honoured(MAP, undefined, 'Over `uses.metas`.', { aliases: ['override_metas'] }),
  uses_requests: honoured(
    MAP,
    undefined,
    'Map from endpoint to `encode` or `rank`; a method leaves the endpoint that it had.',
    { aliases: ['override_requests'], defaultNote: '`/rank` ranks, all else encodes' },
  ),
  with: honoured(MAP, undefined, 'Taken as `uses.with`, with a warning.'),
  metas: honoured(MAP, undefined, 'Taken as `uses.metas`, with a warning.'),
  py_modules: honoured(
    listOf(WORD),
    undefined,
    'Module of the encoder, which decides the runtime: `clip_torch`, `clip_onnx`, `clip_tensorrt`, `clip_hg`; as path or dotted.',
  ),
  replicas: honoured(integer(1, 1024), 1, 'Copies of the model that work at the same time.'),
  monitoring: honoured(BOOLEAN, undefined, 'Serves the metrics of the executor on a port of their own.', {
    defaultNote: '`with.monitoring`',
  }),
  port_monitoring: honoured(
    listOf(PORT),
    undefined,
    'Port of these metrics. Of a list or `a,b` the first serves all replicas.',
    { defaultNote: 'random, see `JINA_RANDOM_PORT_MIN`' },
  ),
  timeout_ready: honoured(
    integer(-1, LONGEST_MS),
    undefined,
    'Milliseconds that the start may take, with downloads; −1 and 0 are without bound.',
    { defaultNote: 'none for downloads, 50 minutes for an engine' },
  ),
  timeout_send: honoured(
    integer(-1, LONGEST_MS),
    undefined,
    'As `with.timeout_send`, where that is not set.',
    { defaultNote: '`with.timeout_send`' },
  ),
  env: honoured(
    MAP,
    undefined,
    'Environment variables, over `with.env`; the place of `CUDA_VISIBLE_DEVICES: RR`.',
  ),
  external: honoured(
    BOOLEAN,
    false,
    '`true` ends the start: this server cannot be the gateway of an executor elsewhere.',
  ),
  quiet: honoured(BOOLEAN, false, 'Logs nothing.'),
  log_config: honoured(WORD, 'default', 'As `with.log_config`.'),
  uses_dynamic_batching: accepted(
    ANY,
    undefined,
    'requests are always batched with each other, up to `minibatch_size`',
  ),
  shards: accepted(integer(1), 1, 'an encoder holds no data to split; use `replicas`'),
  polling: accepted(ANY, undefined, 'it means nothing without shards', { silent: true }),
  port: accepted(ANY, undefined, NO_HOP, { aliases: ['port_in'] }),
  host: accepted(ANY, undefined, NO_HOP),
  tls: accepted(BOOLEAN, false, NO_HOP),
  grpc_metadata: accepted(ANY, undefined, NO_HOP),
  retries: accepted(integer(-1), -1, 'a failed batch is retried once, on another replica where there is one'),
  compression: accepted(WORD, 'NoCompression', NO_HOP),
  gpus: accepted(ANY, undefined, 'for containers only; use `device` or `CUDA_VISIBLE_DEVICES`'),
  volumes: accepted(ANY, undefined, CONTAINERS),
  docker_kwargs: accepted(ANY, undefined, CONTAINERS),
  entrypoint: accepted(ANY, undefined, CONTAINERS),
  disable_auto_volume: accepted(BOOLEAN, false, CONTAINERS),
  prefer_platform: accepted(ANY, undefined, CONTAINERS),
  force_update: accepted(BOOLEAN, false, CONTAINERS),
  native: accepted(BOOLEAN, false, CONTAINERS),
  install_requirements: accepted(BOOLEAN, false, NO_PYTHON),
  workspace: accepted(ANY, undefined, NO_STATE, { silent: true }),
  workspace_id: accepted(ANY, undefined, NO_STATE, { silent: true }),
  method: accepted(choice(['add', 'needs', 'inspect']), 'add', ONE),
  needs: accepted(ANY, undefined, ONE),
  floating: accepted(BOOLEAN, false, ONE),
  when: accepted(ANY, undefined, ONE),
  no_reduce: accepted(BOOLEAN, false, ONE, { aliases: ['disable_reduce'] }),
  uses_before: accepted(ANY, undefined, ONE),
  uses_after: accepted(ANY, undefined, ONE),
  exit_on_exceptions: accepted(ANY, undefined, 'a replica that fails is replaced'),
  output_array_type: accepted(ANY, undefined, 'vectors leave as the protocol writes them'),
  grpc_server_options: accepted(ANY, undefined, NO_HOP),
  ...TELEMETRY_KEYS,
  quiet_error: accepted(BOOLEAN, false, 'errors are one line each already'),
  reload: accepted(BOOLEAN, false, 'start the server anew after a change'),
  jcloud: accepted(ANY, undefined, 'for a hosting service', { silent: true }),
};

/** `uses` as a map, and the file that `uses` may name. */
export const USES_KEYS = {
  jtype: honoured(WORD, undefined, 'The class: `CLIPEncoder`. The tag `!CLIPEncoder` says the same.'),
  with: honoured(MAP, undefined, 'Parameters of the encoder, below.'),
  metas: honoured(MAP, undefined, 'Holds `py_modules`.'),
  py_modules: honoured(listOf(WORD), undefined, 'As the executor’s key.'),
  requests: honoured(MAP, undefined, 'As the executor’s `uses_requests`, which comes before it.'),
  version: accepted(ANY, undefined, 'there is one syntax', { silent: true }),
  name: accepted(ANY, undefined, 'the name is that of the item of `executors`', { silent: true }),
};

/** `uses.metas` and `uses_metas`. */
export const METAS_KEYS = {
  py_modules: honoured(listOf(WORD), undefined, 'As the executor’s key.'),
  name: accepted(ANY, undefined, 'request parameters are not scoped by it', { silent: true }),
  description: accepted(ANY, undefined, 'it is a remark', { silent: true }),
  workspace: accepted(ANY, undefined, NO_STATE, { silent: true }),
};

/** `uses.with` and `uses_with`: the parameters of `CLIPEncoder`. */
export const ENCODER_KEYS = {
  name: honoured(WORD, 'ViT-B/32', 'Model.'),
  device: honoured(DEVICE, undefined, 'Where the model runs. A TensorRT flow needs CUDA.', {
    defaultNote: 'CUDA where it works, else the CPU',
  }),
  num_worker_preprocess: honoured(
    integer(1, 1024),
    4,
    'Threads per replica that decode, resize and tokenise.',
  ),
  minibatch_size: honoured(integer(1, 65_536), 32, 'Most rows in one run of the model.'),
  access_paths: honoured(
    ACCESS_PATHS,
    '@r',
    'Which documents of a request are encoded: roots, chunks, matches.',
  ),
  traversal_paths: honoured(
    ACCESS_PATHS,
    undefined,
    'Old name of `access_paths`; comes before it, with a warning.',
  ),
  model_path: honoured(
    FILE,
    undefined,
    'Directory with `textual.onnx` and `visual.onnx`, relative to the working directory, else to the folder of this program; `~` is the home directory. Taken by every runtime.',
  ),
  rewrite: honoured(
    choice<'auto' | 'off'>(['auto', 'off']),
    'auto',
    '`auto` rewrites the graphs of the model at the first start, so that a text costs no more than its own tokens; each rewritten graph is proved against its original, which serves where the proof fails. `off` serves the graphs as they are.',
  ),
  fallback: honoured(
    BOOLEAN,
    true,
    'Of a TensorRT flow: `false` refuses to start (exit code 2) where ONNX Runtime would serve in place of TensorRT.',
  ),
  canary_interval: honoured(
    integer(0, 86_400),
    30,
    'Of a TensorRT flow: seconds after which each engine runs a text or picture whose vector is known once more; another vector counts as a lost GPU. 0 is without.',
  ),
  dtype: accepted(
    choice<'fp32' | 'fp16' | 'bf16'>(['fp32', 'fp16', 'bf16']),
    undefined,
    'a graph is run in the precision that it was exported in; the start page tells which',
  ),
  jit: accepted(BOOLEAN, false, 'a setting of PyTorch'),
};
