// Child process of rewrite.ts: prepares a model and loads its text tower as the server does, then tells how long it took.
import { openTower } from '../src/engine/onnx-open.ts';
import { servedModel } from '../src/engine/rewrite/towers.ts';
import { prepareModel } from '../src/model/prepare.ts';
import { silentLog } from '../src/observe/log.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { createClipTokenizer } from '../src/preprocess/text/clip-tokenizer.ts';

const [modelPath, rewrite] = process.argv.slice(2) as [string, 'auto' | 'off'];
const hooks = { progress: () => {}, log: silentLog, signal: new AbortController().signal };
const tokenizer = await createClipTokenizer(77);
const start = performance.now();
const prepared = await prepareModel(
  { name: 'bench', modelPath },
  { cache: '/nowhere', offline: true },
  hooks,
);
const served = await servedModel(prepared.contract, {
  ...hooks,
  rewrite,
  cache: '/nowhere',
  threads: 1,
  metrics: new Metrics(),
});
await openTower({
  contract: served.contract.text,
  device: { kind: 'cpu', index: 0 },
  deviceIsExplicit: true,
  threads: 1,
  probe: tokenizer.encode('a photo of a cat'),
});
process.send!({
  ms: performance.now() - start,
  isRewritten: served.contract.text !== prepared.contract.text,
});
