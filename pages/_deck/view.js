// How the deck looks. Data goes into the page as text, never as markup.

const FEW = 10; // labels that need no box to search them
const TALL = 14; // rows of a table before the next goes beside it
const CHIPS = {
  chosen: "Chosen by you",
  "second opinion": "Second opinion",
};
const KINDS = { priority: "by priority", audit: "blind checks", "second opinion": "second opinion", slice: "of the session" };

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const deck = deckOf(data);
  Object.assign(deck, { number: data.number, sets: data.sets }); // before anything is built
  deck.send = (value) => setStateValue("outbox", value);
  const root = parentElement.querySelector(".deck");
  if (root.deck !== deck) {
    root.deck = deck;
    root.parts = build(deck, root);
    // Choosing a project or a name leaves the focus in that field, where keys are text.
    document.activeElement?.blur();
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
        does(event);
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
  const parts = {};
  const done = figure("Done", "Decisions of this session.");
  const pace = figure("Per minute", "Decisions a minute since you opened this page.");
  const agree = figure(
    "Agreed with the model",
    "Share of your labels equal to the prediction shown. The queue seeks hard items, so this is no accuracy.",
  );
  const left = figure("Left", "Items that wait for a decision, and how the cards lent to you were drawn.");
  const state = node("p", { class: "state", role: "status" });
  const said = node("p", { class: "unseen", "aria-live": "polite" });
  const refusals = node("div", { class: "refusals", role: "alert" });
  const card = node("article", { class: "card", "aria-label": "Item to review" });
  const confirm = button(deck, "Enter", "Confirm", (event) => decideByMouse(deck, event, "confirm"), { class: "confirm" });
  const search = node("input", { type: "search", placeholder: "Search labels ( / )", "aria-label": "Search labels" });
  const labels = node("div", { class: "labels", role: "group", "aria-label": "Labels" });
  const typed = node("input", { type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": "The right number" });
  const unit = node("span", { class: "unit" });
  const take = button(deck, "", "Save the number", () => saveTyped(deck, parts), { class: "take" });
  const problem = node("p", { class: "problem", role: "alert" });
  const numeral = node("div", { class: "numeral" }, node("div", {}, typed, unit, take), problem);
  const interval = node("p", { class: "interval" });
  const note = node("input", { type: "text", maxlength: "2000", "aria-label": "Note", placeholder: "Note (N): why?" });
  const back = button(deck, "←", "Back", () => look(deck, -1));
  const forward = button(deck, "→", "Forward", () => look(deck, 1));
  const undoing = button(deck, "U", "Undo", () => undo(deck));
  const help = node(
    "dialog",
    { "aria-label": "Keys", onclose: () => deck.draw() },
    node("h2", { text: "Keys" }),
    node("dl", {}, ...helpOf(deck).flatMap(([key, text]) => [node("dt", { text: key }), node("dd", { text })])),
    node("button", { type: "button", text: "Close", onclick: () => help.close() }),
  );
  const zoom = node("dialog", { class: "zoom", "aria-label": "Picture", onclick: () => zoom.close() });
  const actions = node(
    "div",
    { class: "actions" },
    button(deck, "S", "Skip", (event) => decideByMouse(deck, event, "skip"), {
      title: "You cannot tell: somebody else gets it.",
    }),
    button(deck, "F", "Flag", (event) => decideByMouse(deck, event, "flag"), {
      title: "Something is wrong with the item itself.",
    }),
    undoing,
    back,
    forward,
    button(deck, "?", "Keys", () => help.showModal()),
  );
  const none = node("p", { class: "none", role: "status" });
  const nobody = button(deck, NONE_KEY, "None of them", () => touch(deck, []), { class: "nobody" });
  const answers = node("div", { class: "answers" }, confirm, interval, numeral, search, labels, none, nobody, note, actions);
  const empty = node("div", { class: "empty", role: "status" }, node("h2"), node("p"));
  search.oninput = () => deck.draw();
  typed.oninput = () => put(problem, "");
  note.oninput = () => deck.notes.set(visible(deck)?.draw, note.value);
  root.replaceChildren(
    node("dl", { class: "strip" }, done.box, pace.box, agree.box, left.box),
    state,
    said,
    refusals,
    node("div", { class: "table" }, card, answers),
    empty,
    help,
    zoom,
  );
  Object.assign(parts, { root, state, said, refusals, card, confirm, search, labels, note, back, forward, undoing, help });
  Object.assign(parts, { none, nobody, actions, answers, empty, typed, unit, problem, numeral, interval, zoom });
  return Object.assign(parts, { done: done.value, pace: pace.value, agree: agree.value, left: left.value });
}

function buildLabels(deck, parts) {
  parts.captions = deck.labels;
  parts.order = null;
  parts.keys = keysOf(deck);
  parts.buttons = deck.labels.map((label, n) => {
    const key = parts.keys[n] ?? "";
    const does = deck.sets ? () => toggle(deck, label) : (event) => decideByMouse(deck, event, "correct", label);
    const made = button(deck, key.toUpperCase(), deck.titles[label] ?? label, does, deck.sets ? { title: label } : {});
    made.append(node("span", { class: "share" }), node("span", { class: "bar", "aria-hidden": "true" }));
    return made;
  });
  parts.labels.replaceChildren(...parts.buttons);
  parts.labels.classList.toggle("sets", Boolean(deck.sets));
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
  parts.numeral.hidden = parts.interval.hidden = !card || !deck.number;
  parts.labels.hidden ||= Boolean(deck.number);
  parts.nobody.hidden = !card || !deck.sets;
  parts.search.hidden = !card || deck.labels.length <= FEW;
  parts.empty.hidden = Boolean(card);
  parts.undoing.disabled = !deck.history.length || deck.back !== null; // it takes back the newest, not the one shown
  parts.back.disabled = !deck.history.length;
  parts.forward.disabled = deck.back === null;
  if (!card) return drawEmpty(deck, parts);
  const shown = `${token(card)}/${deck.back}`;
  if (parts.shown !== shown) {
    parts.shown = shown;
    deck.shownAt = performance.now();
    parts.search.value = parts.typed.value = "";
    put(parts.problem, "");
    drawCard(deck, parts, card);
  }
  parts.note.value = noteOf(deck, card.draw);
  if (deck.number) drawNumber(deck, parts, card);
  else if (deck.sets) drawSet(deck, parts, card);
  else drawLabels(deck, parts, card);
}

function drawStrip(deck, parts) {
  const { done, pace, agreement } = tally(deck);
  put(parts.done, String(done));
  put(parts.pace, done ? pace.toFixed(1) : "–");
  put(parts.agree, agreement === null ? "–" : `${Math.round(100 * agreement)} %`);
  const kinds = Object.entries(deck.hand).map(([kind, n]) => `${n} ${KINDS[kind] ?? kind}`);
  const more = deck.left.conflict ? `, ${deck.left.conflict.toLocaleString("en")} for a second opinion` : "";
  const inHand = kinds.length ? ` · in hand ${kinds.join(", ")}` : "";
  parts.left.replaceChildren(
    `${deck.left.n.toLocaleString("en")} ${deck.left.word}`,
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
  const chip = card.blind ? "Shown blind" : CHIPS[card.strategy];
  if (chip) head.append(node("span", { class: "chip", text: chip }));
  if (past) head.append(node("span", { class: "chip past", text: `You said: ${outcome(past)}` }));
  const rows = [];
  const body = [];
  // Values side by side compare at a glance, but a long table needs its room for columns of its own.
  const aside = card.fields.length <= 2 * TALL ? card.similar : [];
  for (const [n, { name, kind, value, unusual, full }] of card.fields.entries()) {
    if (kind === "photo") {
      body.push(photo(parts, value, full, `${name} of item ${card.title}`));
    } else if (kind === "image") {
      body.push(node("img", { src: value, alt: `${name} of item ${card.title}` }));
    } else if (kind === "text") {
      body.push(node("p", { class: "text", text: value ?? "missing" }));
    } else {
      const cell = node("td", { class: value === null ? "missing" : kind, text: value ?? "missing" });
      if (unusual) cell.prepend(node("span", { class: "unusual", title: unusual.help, text: unusual.text }));
      rows.push(node("tr", {}, node("th", { scope: "row", text: breakable(name) }), cell, ...beside(aside, n)));
    }
  }
  if (rows.length) body.push(tables(rows, aside));
  if (card.similar.length) body.push(similar(card.similar, rows.length && aside.length));
  const among = card.among ? [node("p", { class: "among", text: card.among, title: "Found on the audit sample: among so few labels the right one is, as often as this says." })] : [];
  parts.card.replaceChildren(head, ...body, ...among, ...because(card), node("p", { class: "why", text: card.why }));
  parts.card.dataset.draw = card.draw;
  parts.card.dataset.item = card.item;
}

function photo(parts, address, full, name) {
  if (!address) return node("p", { class: "text", text: "The picture file is not on this server: flag the item." });
  // Small ones are shown pixel by pixel, photos smoothly.
  const coarse = (event) => event.currentTarget.classList.toggle("coarse", event.currentTarget.naturalWidth <= 64);
  const image = node("img", { src: address, alt: name, onload: coarse });
  const opens = () => enlarge(parts, image, full);
  return node("button", { type: "button", class: "photo", title: "Enlarge (Z)", "aria-label": `Enlarge ${name}`, onclick: opens }, image);
}

function enlarge(parts, image, full) {
  const small = (event) => full && event.currentTarget.src !== image.src && (event.currentTarget.src = image.src);
  const large = node("img", { src: full ?? image.src, alt: image.alt, onerror: small });
  large.className = image.className;
  parts.zoom.replaceChildren(large);
  parts.zoom.showModal();
}

// Long names may break after an underscore rather than anywhere.
const breakable = (text) => text.replaceAll("_", "_\u200b");

function beside(others, n) {
  return others.map(({ values }) => node("td", { class: "near", text: values[n] ?? "–", title: values[n] ?? "missing" }));
}

function tables(rows, others) {
  // Beyond a screenful the rows go side by side: scrolling costs more than looking to the right.
  const height = others.length ? rows.length : Math.ceil(rows.length / Math.ceil(rows.length / TALL));
  const box = node("div", { class: "rows" });
  for (let n = 0; n < rows.length; n += height) {
    const table = node("table", {}, node("tbody", {}, ...rows.slice(n, n + height)));
    if (others.length) table.prepend(...heads(others));
    box.append(table);
  }
  return box;
}

function heads(others) {
  const labels = others.map(({ label }) => node("th", { scope: "col", class: "near", text: label, title: label }));
  const caption = node("caption", { text: "Beside it: the most similar labelled items, under their labels" });
  return [caption, node("thead", {}, node("tr", {}, node("td"), node("th", { scope: "col", text: "This item" }), ...labels))];
}

function because(card) {
  if (!card.because) return [];
  const help = "What moves this prediction most. Opened on Predictions, the item says how much.";
  return [node("p", { class: "because", title: help }, node("strong", { text: `${card.asks} ` }), card.because)];
}

function similar(rows, tabled) {
  const lines = rows.map(({ label, title, text, image }) =>
    node(
      "li",
      { title: text || title },
      ...(image ? [node("img", { src: image, alt: "" })] : []),
      node("strong", { text: label }),
      node("span", { text: text || title }),
    ),
  );
  return node("section", { class: tabled ? "similar tabled" : "similar" }, node("h3", { text: "Most similar labelled items" }), node("ol", {}, ...lines));
}

function drawNumber(deck, parts, card) {
  const { unit } = deck.number;
  parts.confirm.disabled = card.predicted === null;
  const shown = card.predicted === null ? "No prediction shown: type the number" : `Confirm: ${card.predicted} ${unit}`;
  put(parts.confirm.querySelector(".caption"), shown.trim());
  put(parts.interval, card.interval);
  put(parts.unit, unit);
  parts.none.hidden = true;
  const past = deck.back === null ? null : pastOf(deck, deck.back);
  parts.typed.placeholder = past?.target ?? (past ? (card.predicted ?? "") : card.predicted === null ? "the right number" : "or type the right number");
}

function saveTyped(deck, parts) {
  if (!parts.typed.value.trim()) return decide(deck, "confirm");
  const { target, problem } = typedNumber(deck, parts.typed.value);
  if (problem) return put(parts.problem, problem);
  parts.typed.value = "";
  parts.typed.blur(); // letters are keys again
  decide(deck, "correct", target);
}

function drawLabels(deck, parts, card) {
  parts.confirm.disabled = card.predicted === null;
  const shown = card.predicted === null ? "No prediction shown: choose a label" : `Confirm: ${deck.titles[card.predicted] ?? card.predicted}`;
  put(parts.confirm.querySelector(".caption"), shown);
  const past = deck.back === null ? null : pastOf(deck, deck.back);
  const said = past && (past.verdict === "confirm" ? (past.target ?? card.predicted) : past.target);
  drawShares(deck, parts, card, new Set([card.predicted]), new Set([said]));
}

// The keys of the labels, with their probabilities. predicted, pressed: which labels are.
function drawShares(deck, parts, card, predicted, pressed) {
  const sought = parts.search.value.trim().toLowerCase();
  deck.labels.forEach((label, n) => {
    const made = parts.buttons[n];
    const share = card.proba?.[n];
    made.hidden = Boolean(sought) && !label.toLowerCase().includes(sought);
    made.classList.toggle("predicted", predicted.has(label));
    made.setAttribute("aria-pressed", String(pressed.has(label)));
    // Close to the half from which a label of a set is predicted, a whole number would not tell the side.
    const digits = share < 0.1 || (deck.sets && Math.abs(share - 0.5) < 0.01) ? 1 : 0;
    put(made.querySelector(".share"), share === undefined ? "" : `${(100 * share).toFixed(digits)} %`);
    made.querySelector(".bar").style.width = `${100 * (share ?? 0)}%`;
  });
  const hit = parts.buttons.some((made) => !made.hidden);
  put(parts.none, hit ? "" : `No label contains “${parts.search.value.trim()}”.`);
  parts.none.hidden = hit;
  order(parts, deck.labels.length > FEW ? card : null);
}

function order(parts, card) {
  // Among few labels each keeps its place for the hand; among many the eye finds the likely ones on top.
  if (!card?.proba && parts.order === null) return;
  const token = card?.proba ? `${card.draw}.${card.version}` : null;
  if (parts.order === token) return;
  parts.order = token;
  const likely = [...parts.buttons.keys()];
  if (token) likely.sort((a, b) => card.proba[b] - card.proba[a] || a - b);
  parts.labels.replaceChildren(...likely.map((n) => parts.buttons[n]));
  parts.labels.scrollTop = 0;
}
