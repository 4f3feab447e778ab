// The deck's memory: cards, decisions and the outbox. sets.js, keys.js and view.js are appended to this file.
//
// A press draws the next card at once and puts a numbered entry into the outbox. The outbox is sent whole, shortly
// after; the server stores it in order and exactly once, and answers each number. Until an entry is answered it is
// kept in localStorage, so a reload, a lost connection or a restarted server sends it again.

const SEND_AFTER_MS = 120; // presses within it travel together
const RETRY_AFTER_MS = 3000; // no answer for so long: say so, and send again
const CHANGED_PAUSE_MS = 500; // a card that changed under the eyes takes no press for so long
const REMEMBERED = 200; // decisions that a reload still can look back on and undo
const SEEN_MS = 250; // a card shown for less was not looked at: the second half of a double click must not decide it

// The module is loaded anew whenever the component is mounted; what it knows lives with the window.
const decks = (window[Symbol.for("feedback-deck")] ??= new Map());

function deckOf(data) {
  if (!decks.has(data.scope)) decks.set(data.scope, load(data.scope));
  return decks.get(data.scope);
}

function load(scope) {
  const deck = {
    scope,
    client: [...crypto.getRandomValues(new Uint8Array(10))].map((n) => n.toString(36)).join(""),
    seq: 0,
    outbox: [], // entries without an answer, oldest first
    others: new Map(), // outboxes that earlier loads of this page left behind: client -> entries
    history: [], // standing decisions, oldest first: {client, seq, card, verdict, target, note, revises}
    before: { done: 0, judged: 0, agreed: 0 }, // of decisions no longer remembered one by one
    place: 0, // of the newest decision in this session
    began: Date.now(),
    queue: [], // draws to decide, the visible one first
    cards: new Map(), // draw -> card
    decided: new Set(),
    notes: new Map(), // draw -> text
    touched: new Map(), // token of a card -> labels switched on, where somebody has touched them
    back: null, // draw looked back on, null at the present
    refusals: [],
    said: "", // for screen readers
    at: 0,
    beat: 0,
    waiting: false,
    offline: false,
    pausedUntil: 0,
  };
  for (const name of Object.keys(localStorage).filter((name) => name.startsWith(boxName(deck, "")))) {
    const entries = parsed(localStorage.getItem(name));
    const whole = Array.isArray(entries) && entries.every((entry) => Number.isInteger(entry?.seq));
    if (whole && entries.length) deck.others.set(name.slice(boxName(deck, "").length), entries);
    else localStorage.removeItem(name);
  }
  recall(deck);
  return deck;
}

function recall(deck) {
  const session = parsed(sessionStorage.getItem(sessionName(deck)));
  if (session?.before) Object.assign(deck, { before: session.before, began: session.began });
  const names = Object.keys(sessionStorage).filter((name) => name.startsWith(sessionName(deck, "")));
  const kept = names.map((name) => parsed(sessionStorage.getItem(name))).filter((past) => past?.card);
  deck.history = kept.sort((a, b) => a.place - b.place);
  deck.place = deck.history.at(-1)?.place ?? 0;
  for (const past of deck.history) deck.decided.add(past.card.draw);
  keepTotals(deck);
}

const sessionName = (deck, place) => `feedback-deck-session/${deck.scope}${place === undefined ? "" : `/${place}`}`;
const boxName = (deck, client) => `feedback-deck/${deck.scope}/${client}`;

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function keep(name, value, storage) {
  try {
    storage.setItem(name, JSON.stringify(value));
  } catch {
    // Full or forbidden: the outbox in memory still goes out; only a reload before that would lose it.
  }
}

function keepBox(deck, client, entries) {
  if (entries.length) keep(boxName(deck, client), entries, localStorage);
  else localStorage.removeItem(boxName(deck, client));
}

// One record a decision: written whole, two hundred cards would cost every press some milliseconds.
function remember(deck, past) {
  past.place = deck.place += 1;
  deck.history.push(past);
  keep(sessionName(deck, past.place), past, sessionStorage);
  while (deck.history.length > REMEMBERED) forget(deck);
}

function keepTotals(deck) {
  keep(sessionName(deck), { before: deck.before, began: deck.began }, sessionStorage);
}

function letGo(deck, past) {
  deck.history = deck.history.filter((other) => other !== past);
  sessionStorage.removeItem(sessionName(deck, past.place));
}

// -- what the reviewer does ----------------------------------------------------------------------------------------

const token = (card) => (card ? `${card.draw}.${card.version}` : "");
const latest = (deck) => [...new Map(deck.history.map((past) => [past.card.draw, past])).values()];
const pastOf = (deck, draw) => deck.history.findLast((past) => past.card.draw === draw);
const present = (deck) => deck.cards.get(deck.queue[0]);
const visible = (deck) => (deck.back === null ? present(deck) : pastOf(deck, deck.back)?.card);
const unsaved = (deck) => [...deck.others.values(), deck.outbox].reduce((n, entries) => n + entries.length, 0);

function decide(deck, verdict, target = null) {
  const card = visible(deck);
  if (!card || performance.now() < deck.pausedUntil) return;
  const set = deck.sets && verdict === "confirm" ? setOf(deck, card) : null;
  if (set) [verdict, target] = ["correct", joined(deck, set)];
  if (verdict === "confirm" && card.predicted === null) {
    deck.said = `No prediction is shown to confirm: ${deck.number ? "type the number" : "choose a label"}.`;
    return;
  }
  if (verdict === "correct" && !deck.number && target === card.predicted) verdict = "confirm";
  const revises = deck.back !== null;
  const note = noteOf(deck, card.draw).trim();
  const seconds = Math.min((performance.now() - deck.shownAt) / 1000, 86400);
  const { draw, item, version } = card;
  const seq = add(deck, { draw, item, version, verdict, target, note, seconds, revises });
  // A typed number is sent as it is, for the server to keep, and counts as agreement when it is near enough.
  if (verdict === "correct" && deck.number && isNear(deck, target, card)) verdict = "confirm";
  remember(deck, { client: deck.client, seq, card, verdict, target, note, revises });
  deck.decided.add(draw);
  deck.notes.delete(draw);
  deck.touched.delete(token(card));
  deck.queue = deck.queue.filter((other) => other !== draw);
  deck.back = null;
  deck.said = `${outcome({ verdict, target, card })}. ${present(deck) ? `Next: ${present(deck).title}` : ""}`;
}

const isNear = (deck, target, card) =>
  card.predicted !== null && Math.abs(Number(target) - Number(card.predicted)) <= deck.number.tolerance;

// A typed number, or why it is none. A lone comma is a decimal sign: nobody types thousands with one.
function typedNumber(deck, text) {
  const plain = text.trim().replace(/\s/g, "").replace(/^([^.,]*),([^.,]*)$/, "$1.$2");
  const { low, high, range, unit } = deck.number;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return { problem: `“${text.trim()}” is not a number.` };
  const value = Number(plain);
  if (!Number.isFinite(value)) return { problem: `“${text.trim()}” is too large.` };
  const wild = (low !== null && value < low) || (high !== null && value > high);
  if (wild) return { problem: `Only numbers ${`${range} ${unit}`.trim()} are plausible here.` };
  return { target: String(value) };
}

const noteOf = (deck, draw) => deck.notes.get(draw) ?? (deck.back === null ? "" : (pastOf(deck, draw)?.note ?? ""));

function decideByMouse(deck, event, verdict, target) {
  if (event.detail && performance.now() - deck.shownAt < SEEN_MS) {
    deck.said = "That click came before the card could be read: click again.";
    return;
  }
  decide(deck, verdict, target);
}

function keepNote(deck) {
  // A note written while looking back changes that decision; on the card to decide it waits for the decision.
  const past = deck.back === null ? undefined : pastOf(deck, deck.back);
  // Labels that were switched there go along with it.
  if (past && deck.sets && deck.touched.has(token(past.card))) return decide(deck, "confirm");
  const verdict = past?.verdict === "confirm" && past.target !== null ? "correct" : past?.verdict;
  if (past && noteOf(deck, deck.back).trim() !== past.note) decide(deck, verdict, past.target);
}

function forget(deck) {
  const oldest = deck.history[0];
  const { card, verdict } = oldest;
  letGo(deck, oldest);
  if (pastOf(deck, card.draw)) return;
  const judged = card.predicted !== null && (verdict === "confirm" || verdict === "correct");
  deck.before.done += 1;
  deck.before.judged += judged;
  deck.before.agreed += judged && verdict === "confirm";
  keepTotals(deck);
}

function undo(deck) {
  const last = deck.history.at(-1);
  if (!last || deck.back !== null) {
    deck.said = last ? "Go forward to the present first: undo takes back the newest decision." : "Nothing to undo.";
    return;
  }
  letGo(deck, last);
  const { draw } = last.card;
  add(deck, { draw, verdict: "undo", undoes: `${last.client}-${last.seq}` });
  deck.back = null;
  if (!last.revises) {
    deck.decided.delete(draw);
    deck.cards.set(draw, last.card);
    deck.queue.unshift(draw);
    if (last.note) deck.notes.set(draw, last.note);
    restoreSet(deck, last);
  }
  deck.said = `Undone: ${outcome(last)}. ${last.card.title}`;
}

function look(deck, step) {
  if (deck.back !== null) deck.touched.delete(token(visible(deck))); // what was not saved there is dropped
  const draws = latest(deck).map((past) => past.card.draw);
  const here = deck.back === null ? draws.length : draws.indexOf(deck.back);
  const there = Math.max(0, Math.min(draws.length, here + step));
  deck.back = there === draws.length ? null : draws[there];
}

function outcome({ verdict, target, card }) {
  if (verdict === "skip") return "Skipped";
  if (verdict === "flag") return "Flagged";
  return verdict === "confirm" ? `Confirmed ${target ?? card.predicted}` : `Labelled ${target}`;
}

function tally(deck) {
  const past = latest(deck);
  const judged = past.filter(({ card, verdict }) => card.predicted !== null && /^con|^cor/.test(verdict));
  const agreed = judged.filter(({ verdict }) => verdict === "confirm").length + deck.before.agreed;
  const done = past.length + deck.before.done;
  const minutes = Math.max((Date.now() - deck.began) / 60000, 1 / 6);
  const share = judged.length + deck.before.judged;
  return { done, pace: done / minutes, agreement: share ? agreed / share : null };
}

// -- the outbox ----------------------------------------------------------------------------------------------------

function add(deck, entry) {
  deck.seq += 1;
  deck.outbox.push({ seq: deck.seq, ...entry });
  keepBox(deck, deck.client, deck.outbox);
  schedule(deck, SEND_AFTER_MS);
  return deck.seq;
}

function schedule(deck, after) {
  deck.timer ??= setTimeout(() => {
    deck.timer = null;
    flush(deck);
  }, after);
}

function flush(deck) {
  // One at a time: a second message would break off the run that is storing the first.
  if (deck.waiting && performance.now() - deck.sentAt < RETRY_AFTER_MS) return;
  deck.waiting = true;
  deck.sentAt = performance.now();
  deck.beat += 1;
  const batches = [...deck.others].map(([client, entries]) => ({ client, entries }));
  if (deck.outbox.length) batches.push({ client: deck.client, entries: deck.outbox });
  const have = deck.queue.map((draw) => token(deck.cards.get(draw)));
  deck.send({ client: deck.client, beat: deck.beat, have, batches });
  clearTimeout(deck.retry);
  deck.retry = setTimeout(() => {
    if (!deck.waiting) return;
    deck.offline = true;
    deck.draw();
    flush(deck);
  }, RETRY_AFTER_MS + 10);
}

function receive(deck, data) {
  if (data.at <= deck.at) return; // a change of theme runs the component again with what it has
  const seen = token(present(deck));
  Object.assign(deck, { at: data.at, labels: data.labels, titles: data.titles, number: data.number, sets: data.sets });
  Object.assign(deck, { left: data.left, empty: data.empty, hand: data.hand });
  for (const [client, seq, saved, message] of data.acks) settle(deck, client, seq, saved, message);
  for (const card of data.cards) deck.cards.set(card.draw, card);
  const pending = new Set(deck.outbox.map((entry) => entry.draw));
  const order = data.order.filter((draw) => !deck.decided.has(draw) && deck.cards.has(draw));
  const kept = deck.queue.filter((draw) => order.includes(draw) || pending.has(draw));
  const fresh = order.filter((draw) => !kept.includes(draw));
  const chosen = fresh.filter((draw) => deck.cards.get(draw).strategy === "chosen");
  deck.queue = [...chosen, ...kept, ...fresh.filter((draw) => !chosen.includes(draw))];
  if (seen && token(present(deck)) !== seen) {
    deck.pausedUntil = performance.now() + CHANGED_PAUSE_MS;
    deck.said = "The card has changed.";
  }
  if (data.client === deck.client && data.beat === deck.beat) {
    deck.waiting = false;
    deck.offline = false;
    clearTimeout(deck.retry);
  }
  const missing = data.order.some((draw) => !deck.decided.has(draw) && !deck.cards.has(draw));
  const drained = !deck.queue.length && data.order.length;
  if (!deck.waiting && (unsaved(deck) || missing || drained)) schedule(deck, SEND_AFTER_MS);
}

function settle(deck, client, seq, saved, message) {
  const box = client === deck.client ? deck.outbox : deck.others.get(client);
  const entry = box?.find((entry) => entry.seq === seq);
  if (!entry) return;
  const rest = box.filter((other) => other !== entry);
  if (client === deck.client) deck.outbox = rest;
  else if (rest.length) deck.others.set(client, rest);
  else deck.others.delete(client);
  // Another window may have added to its box since this one has read it.
  const kept = client === deck.client ? rest : (parsed(localStorage.getItem(boxName(deck, client))) ?? []);
  keepBox(deck, client, kept.filter((other) => other.seq !== seq));
  if (saved) return;
  deck.refusals.push(message);
  for (const past of deck.history.filter((past) => past.client === client && past.seq === seq)) letGo(deck, past);
  if (!pastOf(deck, entry.draw)) deck.decided.delete(entry.draw);
}
