import { establishTower } from '../../../src/model/contract.ts';
import { Constants } from '../../../src/model/onnx/constants/constants.ts';
import { GraphLinks } from '../../../src/model/onnx/links.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';

/** Reads the model at the first argument, and the weight that the second names, if any; prints its most memory in bytes. */
const [path, name] = process.argv.slice(2);

async function read(file: string): Promise<void> {
  const model = await readOnnx(file);
  await establishTower(model, 'image', {});
  const constants = await Constants.of(new GraphLinks(model));
  if (name !== undefined) await constants.weight(name)!.read();
}

if (path !== undefined) await read(path);
process.stdout.write(String(process.resourceUsage().maxRSS * 1024));
