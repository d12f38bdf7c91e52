// The keys of the page of alerts, as its help lists them.

export const KEYS = [
  ["1  …  5", "the tabs"],
  ["←  →", "from tab to tab"],
  ["j  k  or  ↓  ↑", "next, previous alert"],
  ["Enter", "open the alert"],
  ["a", "acknowledge the open alert"],
  ["s", "silence the open alert, or others"],
  ["z", "local time or UTC"],
  ["Esc", "close, step back"],
  ["?", "this help"],
];
