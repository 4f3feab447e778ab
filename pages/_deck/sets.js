// Cards on which any number of labels may be right: each key switches its label, Enter sends the whole set.
//
// A set is an array of labels in the order of the project. `deck.sets` says how one is written as text; null where a
// card takes a single label or a number.

const NONE_KEY = "0";

const partsOf = (deck, text) => (text === deck.sets.none ? [] : text.split(deck.sets.between));
const joined = (deck, set) => set.join(deck.sets.between) || deck.sets.none;
const setWords = (deck, set) => set.map((label) => deck.titles[label] ?? label).join(deck.sets.between) || "none of them";

// What is switched on; null on a card without a prediction on which nothing has been touched yet.
function setOf(deck, card) {
  const touched = deck.touched.get(token(card));
  if (touched) return touched;
  const past = deck.back === null ? undefined : pastOf(deck, deck.back);
  const text = past?.target ?? card.predicted;
  return text === null ? null : partsOf(deck, text);
}

function touch(deck, set) {
  const card = visible(deck);
  if (!card || performance.now() < deck.pausedUntil) return;
  deck.touched.set(token(card), set);
  deck.said = `Chosen: ${setWords(deck, set)}.`;
}

function toggle(deck, label) {
  const card = visible(deck);
  if (!card) return;
  const held = new Set(setOf(deck, card) ?? []);
  if (!held.delete(label)) held.add(label);
  touch(deck, deck.labels.filter((each) => held.has(each)));
}

// An undone card comes back with the set that had been sent.
function restoreSet(deck, past) {
  if (deck.sets && past.target !== null) deck.touched.set(token(past.card), partsOf(deck, past.target));
}

function drawSet(deck, parts, card) {
  const set = setOf(deck, card);
  const said = set === null ? "" : setWords(deck, set);
  const stands = set !== null && joined(deck, set) === card.predicted;
  const caption = set === null ? `Choose labels, or ${NONE_KEY} for none of them` : `${stands ? "Confirm" : "Save"}: ${said}`;
  parts.confirm.disabled = set === null;
  put(parts.confirm.querySelector(".caption"), caption);
  parts.nobody.setAttribute("aria-pressed", String(set !== null && !set.length));
  drawShares(deck, parts, card, new Set(card.predicted === null ? [] : partsOf(deck, card.predicted)), new Set(set ?? []));
}
