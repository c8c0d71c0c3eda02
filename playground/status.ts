import { byId, make, say } from './element.ts';
import { ServerFault, type State, state, useKey } from './server.ts';

/** ms between two looks: at a server that is getting ready, and at one that is. */
const SOON = 500;
const LATER = 5000;

/** Follows the server's state; `onChange` gets each, and what it throws is shown as what keeps the page from being up to date. */
export function followState(onChange: (state: State) => Promise<void>): { askForKey(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let looks = 0;
  const look = async (): Promise<void> => {
    clearTimeout(timer);
    looks += 1;
    const turn = looks;
    let next = SOON * 2;
    try {
      const seen = await state();
      const { pictures, embedded, fault } = seen.gallery;
      show(seen);
      await onChange(seen);
      if (seen.ready && embedded === pictures) next = LATER;
      else if (!fault) next = SOON;
    } catch (fault) {
      say(byId('state'), (fault as Error).message);
      if (fault instanceof ServerFault && fault.code === 'unauthorized') return askForKey();
    }
    if (turn === looks && !document.hidden) timer = setTimeout(look, next);
  };
  const askForKey = (): void => {
    byId('key-form').hidden = false;
  };
  byId('key-form').addEventListener('submit', (event) => {
    event.preventDefault();
    useKey(byId<HTMLInputElement>('key').value.trim());
    byId('key-form').hidden = true;
    void look();
  });
  document.addEventListener('visibilitychange', () => document.hidden || void look());
  for (const name of ['online', 'offline']) addEventListener(name, () => void look());
  void look();
  return { askForKey };
}

function show({ ready, reasons, model, gallery }: State): void {
  say(byId('state'), ready ? gallery.fault?.message : `The server is not ready: ${reasons.join('; ')}.`);
  if (gallery.perSecond > 0)
    byId('pictures-rate').textContent = `${Math.round(gallery.perSecond).toLocaleString('en')}/s`;
  const facts = model && {
    Model: model.name,
    Engine: `${model.runtime === 'onnxruntime' ? 'ONNX Runtime' : model.runtime}, ${model.precision}`,
    Device: model.device,
    Vectors: `${model.width} numbers`,
    Pixels: `${model.resolution} × ${model.resolution}`,
  };
  const rows = Object.entries(facts ?? {}).map(([name, value]) =>
    make('div', {}, make('dt', {}, name), make('dd', {}, value)),
  );
  byId('facts').replaceChildren(...rows);
}
