// Which keys the deck takes, and what they do.

const DIGITS = "1234567890";
const LETTERS = "abdeghijklmopqtvwxyz"; // C and R are Streamlit's; F, N, S and U are taken below
const TYPED = [["0 … 9 - .", "the right number; Enter saves it, Esc leads back"]];
const SETS = [
  ["1 … 9, A …", "switch a label on or off, as printed on its button"],
  [NONE_KEY, "none of them: switch all labels off"],
  ["Enter", "save the labels that are on; unchanged, that confirms the prediction"],
  ["← →", "look back over your decisions; labels and Enter change the one shown"],
];
const HELP = [
  ["1 … 9, 0", "label, as printed on its button"],
  ["Enter", "confirm the prediction"],
  ["S", "skip: you cannot tell, somebody else gets it"],
  ["F", "flag: something is wrong with the item itself"],
  ["N", "note; Enter or Esc leads back"],
  ["U or Ctrl+Z", "undo, as far back as the session"],
  ["Z", "enlarge the picture, where there is one; any key closes it"],
  ["← →", "look back over your decisions; a label changes the one shown"],
  ["/", "search the labels, when there are more than ten"],
  ["?", "this list"],
];

// What a number, or a set of labels, needs in place of the keys of labels.
function helpOf(deck) {
  if (deck.number) return [...TYPED, ...HELP.filter(([key]) => !/^[1/]/.test(key))];
  return deck.sets ? [...SETS, ...HELP.filter(([key]) => !/^(1|Enter|←)/.test(key))] : HELP;
}

function keysOf(deck) {
  const digits = deck.sets ? DIGITS.replace(NONE_KEY, "") : DIGITS;
  // The digits 0 to 9 as labels are typed as themselves, not one off.
  if (deck.labels.every((label) => label.length === 1 && digits.includes(label))) return deck.labels.join("");
  return (digits + LETTERS).slice(0, deck.labels.length);
}

function press(deck, parts, event) {
  const at = event.composedPath()[0];
  if (event.isComposing || event.defaultPrevented) return;
  if (at === parts.note || at === parts.search) return pressInField(deck, parts, event, at);
  if (at === parts.typed) return pressInNumber(deck, parts, event);
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) || at.isContentEditable) return;
  if (parts.help.open) {
    if (event.key === "?") parts.help.close();
    return;
  }
  if (parts.zoom.open && event.key !== "Escape") parts.zoom.close();
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const undoes = key === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
  if (!undoes && (event.ctrlKey || event.metaKey || event.altKey)) return;
  // A held key would run through the queue unseen, and a focused control has its own Enter and Space.
  if (event.repeat || ((key === "Enter" || key === " ") && /^(BUTTON|A|SUMMARY)$/.test(at.tagName))) return;
  if (deck.number && /^[-+0-9.,]$/.test(key) && !undoes) return parts.typed.focus(); // the key goes into the field
  const label = key.length === 1 ? deck.labels[parts.keys.indexOf(key)] : undefined;
  const does = {
    Enter: () => decide(deck, "confirm"),
    s: () => decide(deck, "skip"),
    f: () => decide(deck, "flag"),
    n: () => parts.note.focus(),
    u: () => undo(deck),
    z: undoes ? () => undo(deck) : label === undefined ? () => parts.card.querySelector(".photo")?.click() : undefined,
    ArrowLeft: () => look(deck, -1),
    ArrowRight: () => look(deck, 1),
    "/": deck.labels.length > FEW ? () => parts.search.focus() : undefined,
    "?": () => parts.help.showModal(),
    [NONE_KEY]: deck.sets ? () => touch(deck, []) : undefined,
  }[key];
  const choose = () => (deck.sets ? toggle(deck, label) : decide(deck, "correct", label));
  const act = does ?? (label === undefined ? undefined : choose);
  if (!act) return;
  event.preventDefault();
  act();
  deck.draw();
}

function pressInNumber(deck, parts, event) {
  if (event.key !== "Enter" && event.key !== "Escape") return;
  event.preventDefault();
  if (event.key === "Enter" && !event.repeat) saveTyped(deck, parts);
  if (event.key === "Escape") {
    parts.typed.value = "";
    put(parts.problem, "");
    parts.typed.blur();
  }
  deck.draw();
}

function pressInField(deck, parts, event, at) {
  if (event.key !== "Enter" && event.key !== "Escape") return;
  event.preventDefault();
  if (at === parts.search && event.key === "Enter" && at.value.trim()) {
    const first = [...parts.labels.children].find((made) => !made.hidden);
    if (!first) return;
    const label = deck.labels[parts.buttons.indexOf(first)];
    if (!deck.sets) decide(deck, "correct", label);
    else toggle(deck, label);
  }
  // Of several labels the next is searched for at once; an empty field leads back.
  const goesOn = deck.sets && at === parts.search && event.key === "Enter" && at.value;
  if (at === parts.search) at.value = "";
  if (at === parts.note && event.key === "Enter") keepNote(deck);
  if (!goesOn) at.blur();
  deck.draw();
}
