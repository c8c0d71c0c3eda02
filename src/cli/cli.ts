import { build } from './build.ts';
import { classify } from './classify.ts';
import { demo } from './demo.ts';
import { doctor } from './doctor.ts';
import { encode } from './encode.ts';
import { endWith } from './end.ts';
import { engines } from './engines.ts';
import { HELP, version } from './help.ts';
import { inspect } from './inspect.ts';
import { models } from './models.ts';
import { pull } from './pull.ts';
import { ready } from './ready.ts';
import { search } from './search.ts';
import { serve } from './serve.ts';

export function cli(args: string[]): Promise<void> {
  return endWith(() => run(args));
}

async function run(args: string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === 'demo') return demo(rest);
  if (first === 'models') return models(rest);
  if (first === 'pull') return pull(rest);
  if (first === 'inspect') return inspect(rest);
  if (first === 'build') return build(rest);
  if (first === 'doctor') return doctor(rest);
  if (first === 'engines') return engines(rest);
  if (first === 'encode') return encode(rest);
  if (first === 'classify') return classify(rest);
  if (first === 'search') return search(rest);
  if (first === 'ready') return ready(rest);
  if (args.includes('--help') || args.includes('-h')) return print(HELP);
  if (args.includes('--version') || args.includes('-v')) return print(`${version()}\n`);
  return serve(args);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
