// The deck of pairs. A press draws the next pair at once and puts a numbered answer into the outbox, which is sent whole
// shortly after; the server stores it in order and exactly once, and answers each number. Until then it is kept in
// localStorage, so a reload, a lost connection or a restarted server sends it again. Data goes into the page as text.

const SEND_AFTER_MS = 120; // presses within it travel together
const RETRY_AFTER_MS = 3000; // no answer for so long: say so, and send again
const SEEN_MS = 250; // a pair shown for less was not looked at: the second half of a double click must not decide it
const ANSWERS = [
  { kind: "together", key: "t", caption: "Together" },
  { kind: "apart", key: "a", caption: "Apart" },
  { kind: "skip", key: "s", caption: "Skip" },
];
const SAID = { together: "Together", apart: "Apart", skip: "Skipped" };

// The module is loaded anew whenever the component is mounted; what it knows lives with the window.
const decks = (window[Symbol.for("feedback-pairs")] ??= new Map());

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const root = parentElement.querySelector(".pairs");
  if (!decks.has(data.scope)) decks.set(data.scope, load(data.scope));
  const deck = decks.get(data.scope);
  deck.send = (value) => setStateValue("outbox", value);
  if (root.deck !== deck) {
    root.deck = deck;
    root.parts = build(deck, root);
    document.activeElement?.blur(); // choosing this part of the page leaves the focus in its control
  }
  deck.draw = () => draw(deck, root.parts);
  // This runs on every update: the listener of the last run must go, or each key would count several times.
  document.removeEventListener("keydown", root.onPress);
  root.onPress = (event) => press(deck, event);
  document.addEventListener("keydown", root.onPress);
  receive(deck, data);
  deck.draw();
  return () => document.removeEventListener("keydown", root.onPress);
}

// -- memory and outbox ---------------------------------------------------------------------------------------------

function load(scope) {
  const client = [...crypto.getRandomValues(new Uint8Array(10))].map((n) => n.toString(36)).join("");
  const deck = { scope, client, seq: 0, outbox: [], queue: [], cards: new Map(), decided: new Set(), history: [],
    refusals: [], said: "", done: 0, beat: 0, at: 0, waiting: false, offline: false };
  const prefix = `feedback-pairs/${scope}/`;
  for (const name of Object.keys(localStorage).filter((each) => each.startsWith(prefix))) {
    deck.outbox.push(...parsed(localStorage.getItem(name))); // what an earlier load of this page left behind
    localStorage.removeItem(name);
  }
  keep(deck);
  return deck;
}

function parsed(text) {
  try {
    const found = JSON.parse(text);
    return Array.isArray(found) ? found.filter((entry) => Number.isInteger(entry?.seq)) : [];
  } catch {
    return [];
  }
}

function keep(deck) {
  const name = `feedback-pairs/${deck.scope}/${deck.client}`;
  try {
    if (deck.outbox.length) localStorage.setItem(name, JSON.stringify(deck.outbox));
    else localStorage.removeItem(name);
  } catch {
    // Full or forbidden: the outbox in memory still goes out; only a reload before that would lose it.
  }
}

function add(deck, entry) {
  deck.seq += 1;
  deck.outbox.push({ client: deck.client, seq: deck.seq, ...entry });
  keep(deck);
  schedule(deck);
  return deck.seq;
}

function schedule(deck) {
  deck.timer ??= setTimeout(() => {
    deck.timer = null;
    flush(deck);
  }, SEND_AFTER_MS);
}

function flush(deck) {
  // One at a time: a second message would break off the run that is storing the first.
  if (deck.waiting && performance.now() - deck.sentAt < RETRY_AFTER_MS) return;
  Object.assign(deck, { waiting: true, sentAt: performance.now(), beat: deck.beat + 1 });
  deck.send({ client: deck.client, beat: deck.beat, have: [...deck.cards.keys()], entries: deck.outbox });
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
  Object.assign(deck, { at: data.at, empty: data.empty });
  for (const [client, seq, saved, message] of data.acks) settle(deck, client, seq, saved, message);
  for (const card of data.cards) deck.cards.set(card.draw, card);
  const fresh = data.order.filter((id) => !deck.decided.has(id) && deck.cards.has(id) && !deck.queue.includes(id));
  const kept = deck.queue.filter((id) => data.order.includes(id) || deck.outbox.some((entry) => entry.draw === id));
  deck.queue = [...kept, ...fresh];
  if (data.client === deck.client && data.beat === deck.beat) {
    Object.assign(deck, { waiting: false, offline: false });
    clearTimeout(deck.retry);
  }
  // A pair that another load of this page was given, and whose card is not here.
  const missing = data.order.some((id) => !deck.decided.has(id) && !deck.cards.has(id));
  if (!deck.waiting && (deck.outbox.length || missing)) schedule(deck);
}

function settle(deck, client, seq, saved, message) {
  const entry = deck.outbox.find((each) => each.client === client && each.seq === seq);
  if (!entry) return;
  deck.outbox = deck.outbox.filter((each) => each !== entry);
  keep(deck);
  if (!saved) deck.refusals.push(message);
}

// -- what the reviewer does ----------------------------------------------------------------------------------------

function decide(deck, kind) {
  const card = deck.cards.get(deck.queue[0]);
  if (!card) return;
  const seconds = (performance.now() - deck.shownAt) / 1000;
  const seq = add(deck, { kind, draw: card.draw, items: card.items, seconds });
  deck.history.push({ seq, card, kind });
  deck.decided.add(card.draw);
  deck.queue.shift();
  deck.done += 1;
  deck.said = `${SAID[kind]}: ${card.titles.join(" and ")}.`;
}

function undo(deck) {
  const last = deck.history.pop();
  if (!last) {
    deck.said = "There is nothing to undo here. Earlier answers: below, under “Your last answers”.";
    return;
  }
  add(deck, { kind: "undo", undoes: last.seq, draw: last.card.draw });
  deck.decided.delete(last.card.draw);
  deck.queue.unshift(last.card.draw);
  deck.done -= 1;
  deck.said = `Undone: ${last.card.titles.join(" and ")}.`;
}

function press(deck, event) {
  const at = event.composedPath()[0];
  if (event.isComposing || event.defaultPrevented || event.repeat) return;
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) || at.isContentEditable) return;
  const key = event.key.toLowerCase();
  const undoes = key === "u" || (key === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey);
  if ((event.ctrlKey || event.metaKey || event.altKey) && !(undoes && key === "z")) return;
  const answer = ANSWERS.find((each) => each.key === key);
  if (!undoes && !answer) return;
  event.preventDefault();
  if (undoes) undo(deck);
  else decide(deck, answer.kind);
  deck.draw();
}

// -- drawing -------------------------------------------------------------------------------------------------------

function node(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function build(deck, root) {
  const button = (key, caption, does) =>
    node("button", { type: "button", onclick: (event) => byMouse(deck, event, does) },
      node("kbd", { text: key.toUpperCase() }), node("span", { text: caption }));
  const parts = {
    card: node("section", { class: "card" }),
    answers: ANSWERS.map(({ kind, key, caption }) => button(key, caption, () => decide(deck, kind))),
    undo: button("u", "Undo", () => undo(deck)),
    state: node("p", { class: "state" }),
    refusals: node("div", { class: "refusals" }),
    said: node("p", { class: "unseen", role: "status" }),
    empty: node("p", { class: "empty" }),
  };
  const actions = node("div", { class: "actions" }, ...parts.answers, parts.undo);
  root.replaceChildren(parts.refusals, parts.card, parts.empty, actions, parts.state, parts.said);
  return parts;
}

function byMouse(deck, event, does) {
  if (event.detail && performance.now() - deck.shownAt < SEEN_MS) return;
  does();
  deck.draw();
}

function draw(deck, parts) {
  const card = deck.cards.get(deck.queue[0]);
  if (deck.shown !== card) Object.assign(deck, { shown: card, shownAt: performance.now() });
  parts.card.hidden = !card;
  if (card && parts.drawn !== card) parts.card.replaceChildren(...sides(card));
  parts.drawn = card;
  parts.empty.hidden = Boolean(card) || deck.waiting;
  parts.empty.textContent = deck.empty;
  for (const each of parts.answers) each.disabled = !card;
  parts.undo.disabled = !deck.history.length;
  const unsaved = deck.outbox.length;
  const saved = unsaved ? `${unsaved} not saved yet` : deck.seq ? "All saved" : "Your answers are saved as you give them";
  parts.state.textContent = deck.offline
    ? `No answer from the server: ${unsaved} kept in this browser, sent again by itself.`
    : `${deck.done ? `${deck.done} answered in this visit. ` : ""}${saved}.`;
  parts.state.dataset.state = deck.offline ? "offline" : unsaved ? "saving" : "saved";
  parts.refusals.hidden = !deck.refusals.length;
  parts.refusals.replaceChildren(...deck.refusals.slice(-3).map((text) => node("p", { text })));
  if (parts.said.textContent !== deck.said) parts.said.textContent = deck.said;
}

function sides(card) {
  const large = card.fields.filter(({ kind }) => kind === "image" || kind === "text");
  const small = card.fields.filter((field) => !large.includes(field));
  const shown = [node("h2", { text: "Do these two belong to the same group?" })];
  for (const field of large) shown.push(node("div", { class: "two" }, ...[0, 1].map((n) => part(field, n, card))));
  if (small.length) shown.push(node("div", { class: "rows" }, table(card, small)));
  return shown;
}

function part({ name, kind, values }, n, card) {
  if (kind === "image" && values[n].startsWith("data:")) {
    return node("img", { src: values[n], alt: `${name} of item ${card.titles[n]}` });
  }
  return node("p", { class: "text", text: values[n] });
}

function table(card, fields) {
  const head = node("tr", {}, node("td"), ...card.titles.map((text) => node("th", { text, scope: "col" })));
  const lines = fields.map(({ name, kind, values }) => {
    const differ = values[0] !== values[1] && kind === "category";
    const cells = values.map((text) => node("td", { class: `${kind}${differ ? " differ" : ""}`, text }));
    return node("tr", {}, node("th", { text: name, scope: "row" }), ...cells);
  });
  return node("table", {}, node("thead", {}, head), node("tbody", {}, ...lines));
}
