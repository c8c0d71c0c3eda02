import { askChild, type ChildFailure, type ChildOptions, moduleBeside } from '../child.ts';
import type { Answer, Question } from './questions.ts';

/** A process that runs out of its time costs the question at hand. */
export type AskOptions = Required<Omit<ChildOptions, 'file'>>;

/**
 * Asks in a process of its own, one question after the other. A question that ends the process, or that it has no time
 * for, is answered by how that came about, and the next ones are asked in another process.
 * @throws the signal's reason
 */
export async function askHost<Asked extends Question>(
  questions: readonly Asked[],
  options: AskOptions,
): Promise<(Answer<Asked['ask']> | ChildFailure)[]> {
  type Said = Answer<Asked['ask']> | ChildFailure;
  const file = moduleBeside(import.meta.url, 'child');
  const answers: Said[] = [];
  while (answers.length < questions.length) {
    const rest = questions.slice(answers.length);
    const end = await askChild<Said, object>({ questions: rest }, { ...options, file }, (said) => {
      answers.push(said);
      return answers.length < questions.length ? undefined : {};
    });
    if ('failure' in end) answers.push({ failure: end.failure as string });
  }
  return answers;
}
