// Where the keyboard goes on when the element that had the focus is gone, such as the button of a deed that is done: without this it
// would begin again at the top of the page.

/** `home` says which element takes over. */
export function keepFocus(root, home) {
  let last = null;
  document.addEventListener("focusin", ({ target }) => (last = target));
  new MutationObserver(() => {
    if (last === null || last.isConnected || document.activeElement !== document.body) return;
    last = null;
    home()?.focus({ preventScroll: true });
  }).observe(root, { childList: true, subtree: true });
}
