/** Tabs as WAI-ARIA describes them: arrows move and choose, one tab is in the order of focus. */
export function startTabs(list: HTMLElement, onChoose: (id: string) => void = () => {}): void {
  const tabs = [...list.querySelectorAll<HTMLElement>('[role=tab]')];
  const choose = (chosen: HTMLElement): void => {
    for (const tab of tabs) {
      const isChosen = tab === chosen;
      tab.ariaSelected = String(isChosen);
      tab.tabIndex = isChosen ? 0 : -1;
      document.getElementById(tab.getAttribute('aria-controls')!)!.hidden = !isChosen;
    }
    onChoose(chosen.id);
  };
  const steps: Record<string, (at: number) => number> = {
    ArrowRight: (at) => (at + 1) % tabs.length,
    ArrowLeft: (at) => (at + tabs.length - 1) % tabs.length,
    Home: () => 0,
    End: () => tabs.length - 1,
  };
  for (const [at, tab] of tabs.entries()) {
    tab.addEventListener('click', () => choose(tab));
    tab.addEventListener('keydown', (event) => {
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      const next = tabs[step(at)]!;
      next.focus();
      choose(next);
    });
  }
  choose(tabs.find((tab) => tab.ariaSelected === 'true')!);
}
