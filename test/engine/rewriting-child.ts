/** Stands in for the process that settles a tower. */
import { answerTask } from '../../src/engine/rewrite/answer.ts';
import { rewriteAsTold } from './told-rewrite.ts';

answerTask(rewriteAsTold);
