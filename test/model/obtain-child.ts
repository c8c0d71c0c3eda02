import { obtainTower } from '../../src/model/obtain.ts';
import { filesOf, MODEL, quickHooks } from './rogue-server.ts';

/** Fetches MODEL's image tower in a process of its own: `obtain-child CACHE URL` prints its phases, then the path. */
const [cache, url] = process.argv.slice(2) as [string, string];
const progress = ({ phase }: { phase: string }) => void console.log(phase);
obtainTower(MODEL, 'image', filesOf(cache, url), { ...quickHooks(), progress }).then(
  (path) => console.log(path),
  (error: Error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
