// In which order pictures stand and which of them are shown. Pure functions of cards.

const NOT_ANSWERED = "none";
const BELOW = [0.99, 0.9, 0.6];

const byName = new Intl.Collator("en", { numeric: true }).compare;

/** What may be compared, by the value of the choice; as they were added where there is nothing. */
const ORDERS = {
  name: (a, b) => byName(a.path, b.path),
  class: (a, b) => Number(!a.answer) - Number(!b.answer) || byName(a.answer?.label ?? "", b.answer?.label ?? ""),
  sureness: (a, b) => (a.answer?.probability ?? 2) - (b.answer?.probability ?? 2),
};

/** Cards in an order: `added`, `name`, `class` or `sureness`, the least sure first. */
export function inOrder(cards, order) {
  return order in ORDERS ? [...cards].sort(ORDERS[order]) : [...cards];
}

/** What cards may be chosen by: whether a card has a value, and the values with their words. */
const FACETS = {
  class: {
    has: ({ answer }, value) => (value === NOT_ANSWERED ? !answer : answer?.label === value.slice(1)),
    values: (cards) => [
      ["", "All classes"],
      ...labelsOf(cards).map((label) => [`=${label}`, label]),
      ...(cards.some((card) => !card.answer) ? [[NOT_ANSWERED, "Without an answer"]] : []),
    ],
  },
  sureness: {
    has: ({ answer }, value) => answer !== null && answer.probability < Number(value),
    values: () => [["", "However sure"], ...BELOW.map((share) => [`${share}`, `Below ${share * 100}%`])],
  },
  wrong: {
    has: (card) => card.isRight === false,
    values: () => [["", ""], ["wrong", "Only those that were wrong"]],
  },
};

/**
 * The cards that fit a choice; those that are still asked about always do.
 *
 * @param choice { class, sureness, wrong }: values of `choices`, "" for all.
 */
export function fitting(cards, choice) {
  return cards.filter((card) => card.isPending || Object.keys(FACETS).every((key) => fits(card, key, choice)));
}

/** Of one part of a choice: [value, words, how many cards would be shown] for each value. */
export function choices(cards, key, choice) {
  const others = fitting(cards, { ...choice, [key]: "" });
  return FACETS[key].values(cards).map(([value, words]) => {
    const number = others.filter((card) => !value || FACETS[key].has(card, value)).length;
    return [value, words, number];
  });
}

/** How many of the cards were right, as far as folders tell; "" where they tell nothing. */
export function rightWords(cards) {
  const told = cards.filter((card) => card.isRight !== null);
  const right = told.filter((card) => card.isRight);
  return told.length > 0 ? `${right.length} of ${told.length} right` : "";
}

function fits(card, key, choice) {
  return !choice[key] || FACETS[key].has(card, choice[key]);
}

function labelsOf(cards) {
  const labels = new Set(cards.filter((card) => card.answer).map((card) => card.answer.label));
  return [...labels].sort(byName);
}
