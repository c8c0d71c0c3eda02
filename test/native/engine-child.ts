// node engine-child.ts MAJOR TASK: does a task with TensorRT's fake and prints what came of it as JSON.
import { endTasks } from './engine-ends.ts';
import { engineTasks } from './engine-tasks.ts';

const task = { ...engineTasks, ...endTasks }[process.argv[3]!]!;
process.stdout.write(JSON.stringify(await task()));
