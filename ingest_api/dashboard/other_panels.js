// Panels of parts that an installation may not have: panels.json says which routes its API has. Each is {name, ask, show}.

import {place} from "./elements.js";
import {reconciliationPanel} from "./reconciliation_panel.js";
import {webhooksPanel} from "./webhooks_panel.js";

const PANELS = [webhooksPanel, reconciliationPanel];

/** Return the panels that there are; none while that cannot be told. */
export async function otherPanels() {
  const there = await fetch("/dashboard/panels.json", {credentials: "omit"}).then((answer) => answer.json()).catch(() => ({}));
  const panels = PANELS.filter(({name}) => there[name]);
  for (const {name} of panels) place(name).hidden = false;
  return panels;
}
