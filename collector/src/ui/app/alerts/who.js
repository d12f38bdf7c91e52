// Who sits here: asked once and remembered by this browser, so that an acknowledgement takes one key more and not one name more.

const KEY = "labtrail.who";

export function rememberedWho() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    // A browser may forbid remembering.
    return "";
  }
}

export function rememberWho(who) {
  try {
    localStorage.setItem(KEY, who);
  } catch {
    // Then it is asked again.
  }
}
