// The newest payments; each opens to what happened to it. A payment keeps its place on the screen while it changes.

import {element, place, swatched, time} from "./elements.js";
import {cents, duration, money, moment} from "./figures.js";
import {eventName, railName, statusColour, statusName} from "./names.js";
import {ask} from "./session.js";

export const NEWEST = "/api/v1/payments/?limit=20";
// What every event repeats: told once, above them.
const TERMS = new Set(["payer_account", "payee_account", "amount", "currency", "rail"]);

export class PaymentsPanel {
  constructor() {
    this.rows = new Map();
  }

  show({items}) {
    const isFirst = this.rows.size === 0, before = this.rows;
    this.rows = new Map(items.map((payment) => [payment.id, before.get(payment.id) ?? new PaymentRow(payment.id, !isFirst)]));
    for (const payment of items) this.rows.get(payment.id).show(payment);
    const list = place("payments"), wanted = [...this.rows.values()].map((row) => row.item);
    for (const item of [...list.children]) if (!wanted.includes(item)) item.remove();
    // Only what is not in its place moves, so that focus stays where it is.
    wanted.forEach((item, index) => { if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null); });
    place("no-payments").hidden = items.length > 0;
  }
}

class PaymentRow {
  constructor(id, isNew) {
    this.button = element("button", {type: "button", class: "payment", "aria-expanded": "false", "aria-controls": `history-${id}`});
    this.history = element("div", {class: "history", id: `history-${id}`, hidden: ""});
    this.item = element("li", {"data-payment": id, class: isNew ? "new" : null}, this.button, this.history);
    this.button.addEventListener("click", () => this.toggle());
  }

  show(payment) {
    const hasMoved = this.payment?.updated_at !== payment.updated_at;
    this.payment = payment;
    if (!hasMoved) return;
    this.button.replaceChildren(
      swatched(statusName(payment.status), statusColour(payment.status)),
      element("span", {class: "id"}, payment.id),
      element("span", {class: "rail"}, railName(payment.payment_rail_type)),
      element("span", {class: "amount"}, money(cents(payment.amount))),
      element("span", {class: "when"}, time(payment.initiated_at, moment(payment.initiated_at))));
    if (!this.history.hidden) this.read();
  }

  toggle() {
    this.history.hidden = !this.history.hidden;
    this.button.setAttribute("aria-expanded", String(!this.history.hidden));
    if (!this.history.hidden) this.read();
  }

  async read() {
    const payment = this.payment;
    if (!this.history.firstChild) this.history.append(element("p", {class: "faint"}, "Reading its history"));
    try {
      const {events} = await ask(`/api/v1/payments/${payment.id}/history`);
      if (payment === this.payment) this.history.replaceChildren(terms(payment), element("ol", {}, ...events.map(happening)));
    } catch (failure) {
      this.history.replaceChildren(element("p", {class: "bad"}, failure.message));
    }
  }
}

function terms(payment) {
  const told = [
    ["Payment", payment.id], ["Key", payment.idempotency_key], ["From", payment.payer_account_id], ["To", payment.payee_account_id],
    ["Lease", payment.lease_id], ["Refund of", payment.refund_of], ["Description", payment.description],
    ["Expected by", payment.expected_settlement_at && time(payment.expected_settlement_at, moment(payment.expected_settlement_at))],
    ["Failure", payment.failure && `${payment.failure.code}: ${payment.failure.reason} (${payment.failure.source})`],
    ["Refunded", payment.refunded_amount === "0.00" ? null : money(cents(payment.refunded_amount))],
  ];
  return element("dl", {class: "terms"}, ...told.filter(([, value]) => value).flatMap(([name, value]) =>
    [element("dt", {}, name), element("dd", {}, value)]));
}

function happening(event, index, events) {
  const after = index === 0 ? "" : `after ${duration((new Date(event.timestamp) - new Date(events[0].timestamp)) / 1000)}`;
  const changes = Object.entries(event.metadata).filter(([name]) => !TERMS.has(name)).map(([name, value]) => `${name} ${value}`);
  return element("li", {}, element("b", {}, eventName(event.event_type)), " ", time(event.timestamp, moment(event.timestamp)), " ",
    element("span", {class: "faint"}, [after, ...changes].filter(Boolean).join(", ")));
}
