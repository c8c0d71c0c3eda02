import { byId, make } from './element.ts';
import { ServerFault } from './server.ts';

export interface Faults {
  /** Runs the work, and shows what goes wrong until the next work succeeds. What was given up is no fault. */
  guard(work: () => Promise<void>): Promise<void>;
}

export function startFaults(onUnauthorized: () => void): Faults {
  const box = byId('fault');
  const show = (fault: unknown): void => {
    const { code, message } =
      fault instanceof ServerFault ? fault : { code: 'page', message: (fault as Error).message };
    if (code === 'unauthorized') onUnauthorized();
    box.replaceChildren(make('strong', {}, code), make('span', {}, message));
    box.hidden = false;
  };
  return {
    async guard(work) {
      try {
        await work();
        box.hidden = true;
        box.replaceChildren();
      } catch (fault) {
        if ((fault as Error).name !== 'AbortError') show(fault);
      }
    },
  };
}
