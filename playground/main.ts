import { byId } from './element.ts';
import { startFaults } from './fault.ts';
import { startMeasure } from './measure.ts';
import { startPage } from './pictures.ts';
import { RankPanel } from './rank.ts';
import { startRequestPanel } from './request-panel.ts';
import { SearchPanel } from './search.ts';
import { followState } from './status.ts';
import { startTabs } from './tabs.ts';

const faults = startFaults(() => status.askForKey());
const panel = startRequestPanel();
const search = new SearchPanel(faults, panel);
const rank = new RankPanel(faults, panel);
const status = followState((state) => search.onState(state));

startMeasure((work) => faults.guard(work));
startTabs(byId('activities'), (id) => {
  if (id === 'tab-rank') rank.open();
});
startPage((files) => (byId('panel-rank').hidden ? search : rank).take(files));
