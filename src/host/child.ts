/** Process that asks the host: what it loads may be broken. */
import { answerParent } from '../child.ts';
import { loadAddon } from '../native/addon.ts';
import { opens } from './onnxruntime.ts';
import type { Answer, Question } from './questions.ts';

answerParent<{ readonly questions: readonly Question[] }, Answer | { readonly failure: string }>(
  async ({ questions }, say) => {
    // Each in its turn, so that whoever asked knows by the count which one ended the process.
    for (const question of questions)
      say(await answer(question).catch((error: Error) => ({ failure: error.message })));
  },
);

async function answer(question: Question): Promise<Answer> {
  if (question.ask === 'onnxruntime') return opens(question.provider);
  const addon = loadAddon();
  return question.ask === 'driver'
    ? addon.probeDriver()
    : addon.probeLibrary(question.name, question.versionFunction);
}
