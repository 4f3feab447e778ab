// How the deck looks and which keys it takes. Data goes into the page as text, never as markup.

const DIGITS = "1234567890";
const LETTERS = "abdeghijklmopqtvwxyz"; // C and R are Streamlit's; F, N, S and U are taken below
const FEW = 10; // labels that need no box to search them
const HELP = [
  ["1 … 9, 0", "label, as printed on its button"],
  ["Enter", "confirm the prediction"],
  ["S", "skip: you cannot tell, somebody else gets it"],
  ["F", "flag: something is wrong with the item itself"],
  ["N", "note; Enter or Esc leads back"],
  ["U or Ctrl+Z", "undo, as far back as the session"],
  ["← →", "look back over your decisions; a label changes the one shown"],
  ["/", "search the labels, when there are more than ten"],
  ["?", "this list"],
];
const STRATEGIES = {
  audit: "Audit sample, shown blind",
  chosen: "Chosen by you",
  "second opinion": "Second opinion",
};

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const deck = deckOf(data);
  deck.send = (value) => setStateValue("outbox", value);
  const root = parentElement.querySelector(".deck");
  if (root.deck !== deck) {
    root.deck = deck;
    root.parts = build(deck, root);
  }
  const parts = root.parts;
  deck.draw = () => draw(deck, parts);
  // This function runs on every update: the listener of the last run must go, or each key would count several times.
  document.removeEventListener("keydown", root.onPress);
  root.onPress = (event) => press(deck, parts, event);
  document.addEventListener("keydown", root.onPress);
  receive(deck, data);
  deck.draw();
  if (deck.others.size && !deck.waiting) schedule(deck, SEND_AFTER_MS);
  return () => document.removeEventListener("keydown", root.onPress);
}

// -- building ------------------------------------------------------------------------------------------------------

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

function button(deck, key, caption, does, attributes = {}) {
  return node(
    "button",
    {
      type: "button",
      ...attributes,
      onclick: (event) => {
        does();
        // A mouse leaves the focus on the button, and Enter would press it again instead of confirming.
        if (event.detail) event.currentTarget.blur();
        deck.draw();
      },
    },
    ...(key ? [node("kbd", { text: key, "aria-hidden": "true" })] : []),
    node("span", { class: "caption", text: caption }),
  );
}

function figure(name, help) {
  const value = node("dd", { text: "–" });
  return { value, box: node("div", { title: help }, node("dt", { text: name }), value) };
}

function build(deck, root) {
  const done = figure("Done", "Decisions of this session.");
  const pace = figure("Per minute", "Decisions a minute since you opened this page.");
  const agree = figure(
    "Agreed with the model",
    "Share of your labels equal to the prediction shown. The queue seeks hard items, so this is no accuracy.",
  );
  const left = figure("Left", "Items nobody has decided on yet, and how the cards in your hand were drawn.");
  const state = node("p", { class: "state", role: "status" });
  const said = node("p", { class: "unseen", "aria-live": "polite" });
  const refusals = node("div", { class: "refusals", role: "alert" });
  const card = node("article", { class: "card", "aria-label": "Item to review" });
  const confirm = button(deck, "Enter", "Confirm", () => decide(deck, "confirm"), { class: "confirm" });
  const search = node("input", { type: "search", placeholder: "Search labels ( / )", "aria-label": "Search labels" });
  const labels = node("div", { class: "labels", role: "group", "aria-label": "Labels" });
  const note = node("input", { type: "text", maxlength: "2000", "aria-label": "Note", placeholder: "Note (N): why?" });
  const back = button(deck, "←", "Back", () => look(deck, -1));
  const forward = button(deck, "→", "Forward", () => look(deck, 1));
  const undoing = button(deck, "U", "Undo", () => undo(deck));
  const help = node(
    "dialog",
    { "aria-label": "Keys", onclose: () => deck.draw() },
    node("h2", { text: "Keys" }),
    node("dl", {}, ...HELP.flatMap(([key, text]) => [node("dt", { text: key }), node("dd", { text })])),
    node("button", { type: "button", text: "Close", onclick: () => help.close() }),
  );
  const actions = node(
    "div",
    { class: "actions" },
    button(deck, "S", "Skip", () => decide(deck, "skip"), { title: "You cannot tell: somebody else gets it." }),
    button(deck, "F", "Flag", () => decide(deck, "flag"), { title: "Something is wrong with the item itself." }),
    undoing,
    back,
    forward,
    button(deck, "?", "Keys", () => help.showModal()),
  );
  const answers = node("div", { class: "answers" }, confirm, search, labels, note, actions);
  const empty = node("div", { class: "empty", role: "status" }, node("h2"), node("p"));
  search.oninput = () => deck.draw();
  note.oninput = () => deck.notes.set(visible(deck)?.draw, note.value);
  root.replaceChildren(
    node("dl", { class: "strip" }, done.box, pace.box, agree.box, left.box),
    state,
    said,
    refusals,
    node("div", { class: "table" }, card, answers),
    empty,
    help,
  );
  const parts = { root, state, said, refusals, card, confirm, search, labels, note, back, forward, undoing, help };
  return { ...parts, actions, answers, empty, done: done.value, pace: pace.value, agree: agree.value, left: left.value };
}

function keysOf(labels) {
  // The digits 0 to 9 as labels are typed as themselves, not one off.
  if (labels.every((label) => label.length === 1 && DIGITS.includes(label))) return labels.join("");
  return (DIGITS + LETTERS).slice(0, labels.length);
}

function buildLabels(deck, parts) {
  parts.captions = deck.labels;
  parts.keys = keysOf(deck.labels);
  const buttons = deck.labels.map((label, n) => {
    const key = parts.keys[n] ?? "";
    const made = button(deck, key.toUpperCase(), label, () => decide(deck, "correct", label));
    made.append(node("span", { class: "share" }), node("span", { class: "bar", "aria-hidden": "true" }));
    return made;
  });
  parts.labels.replaceChildren(...buttons);
  parts.search.hidden = deck.labels.length <= FEW;
}

// -- drawing -------------------------------------------------------------------------------------------------------

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function draw(deck, parts) {
  if (parts.captions?.join("\0") !== deck.labels.join("\0")) buildLabels(deck, parts);
  const card = visible(deck);
  drawStrip(deck, parts);
  put(parts.said, deck.said);
  drawRefusals(deck, parts);
  parts.card.hidden = parts.confirm.hidden = parts.labels.hidden = parts.note.hidden = !card;
  parts.search.hidden = !card || deck.labels.length <= FEW;
  parts.empty.hidden = Boolean(card);
  parts.undoing.disabled = parts.back.disabled = !deck.history.length;
  parts.forward.disabled = deck.back === null;
  if (!card) return drawEmpty(deck, parts);
  const shown = `${token(card)}/${deck.back}`;
  if (parts.shown !== shown) {
    parts.shown = shown;
    deck.shownAt = performance.now();
    parts.search.value = "";
    drawCard(deck, parts, card);
  }
  parts.note.value = deck.notes.get(card.draw) ?? "";
  drawLabels(deck, parts, card);
}

function drawStrip(deck, parts) {
  const { done, pace, agreement } = tally(deck);
  put(parts.done, String(done));
  put(parts.pace, done ? pace.toFixed(1) : "–");
  put(parts.agree, agreement === null ? "–" : `${Math.round(100 * agreement)} %`);
  const kinds = {};
  for (const draw of deck.queue) {
    const kind = deck.cards.get(draw).strategy;
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  const hand = Object.entries(kinds).map(([kind, n]) => `${n} ${kind}`);
  const more = deck.left.conflict ? `, ${deck.left.conflict.toLocaleString("en")} second opinions` : "";
  const inHand = hand.length ? ` · in hand ${hand.join(", ")}` : "";
  parts.left.replaceChildren(
    `${deck.left.open.toLocaleString("en")} open`,
    node("small", { text: `${more}${inHand}` }),
  );
  const waiting = unsaved(deck);
  const offline = deck.offline || navigator.onLine === false;
  const name = !waiting ? "saved" : offline ? "offline" : "saving";
  parts.state.dataset.state = name;
  const kept = `${waiting} kept in this browser and sent when the server answers`;
  put(parts.state, { saved: "✓ All saved", saving: `↻ Saving ${waiting}`, offline: `⚠ Offline: ${kept}` }[name]);
}

function drawRefusals(deck, parts) {
  parts.refusals.hidden = !deck.refusals.length;
  if (parts.refusals.shown === deck.refusals.length) return;
  parts.refusals.shown = deck.refusals.length;
  const some = deck.refusals.slice(-3).map((message) => node("p", { text: `Not saved. ${message}` }));
  const close = button(deck, "", "Close", () => (deck.refusals = []));
  parts.refusals.replaceChildren(...some, ...(some.length ? [close] : []));
}

function drawEmpty(deck, parts) {
  parts.shown = null;
  const [title, text] =
    deck.empty && !unsaved(deck) ? deck.empty : ["One moment", "Your decisions are saved and the next cards fetched."];
  put(parts.empty.firstChild, title);
  put(parts.empty.lastChild, text);
}

function drawCard(deck, parts, card) {
  const past = deck.back === null ? null : pastOf(deck, deck.back);
  const head = node("header", {}, node("h2", { text: card.title }));
  if (STRATEGIES[card.strategy]) head.append(node("span", { class: "chip", text: STRATEGIES[card.strategy] }));
  if (past) head.append(node("span", { class: "chip past", text: `You said: ${outcome(past)}` }));
  const table = node("tbody");
  const body = [];
  for (const { name, kind, value } of card.fields) {
    if (kind === "image") {
      body.push(node("img", { src: value, alt: `${name} of item ${card.title}` }));
    } else if (kind === "text") {
      body.push(node("p", { class: "text", text: value ?? "missing" }));
    } else {
      const cell = node("td", { class: value === null ? "missing" : kind, text: value ?? "missing" });
      table.append(node("tr", {}, node("th", { scope: "row", text: name }), cell));
    }
  }
  if (table.children.length) body.push(node("div", { class: "rows" }, node("table", {}, table)));
  parts.card.replaceChildren(head, ...body, node("p", { class: "why", text: card.why }));
  parts.card.dataset.draw = card.draw;
  parts.card.dataset.item = card.item;
}

function drawLabels(deck, parts, card) {
  parts.confirm.disabled = card.predicted === null;
  const shown = card.predicted === null ? "No prediction shown: choose a label" : `Confirm: ${card.predicted}`;
  put(parts.confirm.querySelector(".caption"), shown);
  const past = deck.back === null ? null : pastOf(deck, deck.back);
  const said = past && (past.verdict === "confirm" ? (past.target ?? card.predicted) : past.target);
  const sought = parts.search.value.trim().toLowerCase();
  deck.labels.forEach((label, n) => {
    const made = parts.labels.children[n];
    const share = card.proba?.[n];
    made.hidden = Boolean(sought) && !label.toLowerCase().includes(sought);
    made.classList.toggle("predicted", label === card.predicted);
    made.setAttribute("aria-pressed", String(label === said));
    put(made.querySelector(".share"), share === undefined ? "" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`);
    made.querySelector(".bar").style.width = `${100 * (share ?? 0)}%`;
  });
}

// -- keys ----------------------------------------------------------------------------------------------------------

function press(deck, parts, event) {
  const at = event.composedPath()[0];
  if (event.isComposing || event.defaultPrevented) return;
  if (at === parts.note || at === parts.search) return pressInField(deck, parts, event, at);
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) || at.isContentEditable) return;
  if (parts.help.open) {
    if (event.key === "?") parts.help.close();
    return;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const undoes = key === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
  if (!undoes && (event.ctrlKey || event.metaKey || event.altKey)) return;
  // A held key would run through the queue unseen, and a focused control has its own Enter and Space.
  if (event.repeat || ((key === "Enter" || key === " ") && /^(BUTTON|A|SUMMARY)$/.test(at.tagName))) return;
  const label = key.length === 1 ? deck.labels[parts.keys.indexOf(key)] : undefined;
  const does = {
    Enter: () => decide(deck, "confirm"),
    s: () => decide(deck, "skip"),
    f: () => decide(deck, "flag"),
    n: () => parts.note.focus(),
    u: () => undo(deck),
    z: undoes ? () => undo(deck) : undefined,
    ArrowLeft: () => look(deck, -1),
    ArrowRight: () => look(deck, 1),
    "/": deck.labels.length > FEW ? () => parts.search.focus() : undefined,
    "?": () => parts.help.showModal(),
  }[key];
  const act = does ?? (label === undefined ? undefined : () => decide(deck, "correct", label));
  if (!act) return;
  event.preventDefault();
  act();
  deck.draw();
}

function pressInField(deck, parts, event, at) {
  if (event.key !== "Enter" && event.key !== "Escape") return;
  event.preventDefault();
  if (at === parts.search && event.key === "Enter" && at.value.trim()) {
    const first = [...parts.labels.children].findIndex((made) => !made.hidden);
    if (first < 0) return;
    decide(deck, "correct", deck.labels[first]);
  }
  if (at === parts.search) at.value = "";
  at.blur();
  deck.draw();
}
