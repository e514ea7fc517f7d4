// Makes the keypad quicker: keys answer at once and are told to the till in the background. Without this file every key is a form post.
// Rules: at most one post at a time, the newest state wins; the main button waits for it; a refusal is shown by posting the form as usual.
(() => {
  const form = document.getElementById("pad");
  if (!form) return;
  const { kind, most, field } = form.dataset;
  const shown = document.querySelector("[data-shows=pad]");
  const change = document.querySelector("[data-shows=change]");
  let typed = form.dataset.typed, sending = false, unsent = false, waiting = null;

  const all = document.createElement("input");
  Object.assign(all, { type: "hidden", name: field, value: typed });

  const yuan = (fen) => "¥" + (fen / 100).toLocaleString("en-US", { minimumFractionDigits: 2 });

  function show() {
    all.value = typed;
    if (kind === "pin") {
      const dots = Math.max(typed.length, 6);
      shown.replaceChildren(...Array.from({ length: dots }, (_, n) => {
        const dot = document.createElement("i");
        if (n < typed.length) dot.className = "set";
        return dot;
      }));
      return;
    }
    const due = change ? Number(change.dataset.due) : 0;
    const fen = Number(typed || 0) || due;
    shown.textContent = yuan(fen);
    if (change) change.textContent = yuan(Math.max(fen - due, 0));
  }

  function press(key) {
    if (key === "back") typed = typed.slice(0, -1);
    else if (key === "clear") typed = "";
    else if ((typed + key).length <= Number(most)) typed += key;
    if (kind === "fen") typed = typed.replace(/^0+/, "");
    form.append(all);
    document.querySelectorAll(".banner").forEach((old) => old.remove());
    show();
    if (kind === "fen") tell();
  }

  async function tell() {
    if (sending) { unsent = true; return; }
    sending = true;
    do {
      unsent = false;
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
      if (!answer || !answer.ok) { form.submit(); return; }
    } while (unsent);
    sending = false;
    if (waiting) { form.requestSubmit(waiting); waiting = null; }
  }

  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button && button.name === "key") {
      event.preventDefault();
      press(button.value);
    } else if (sending) {
      event.preventDefault();
      waiting = button;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (/^[0-9]$/.test(event.key)) press(event.key);
    else if (event.key === "Backspace") press("back");
    else if (event.key === "Enter" && !document.activeElement.matches("a, button")) form.requestSubmit(document.querySelector("[form=pad][name=go]"));
    else return;
    event.preventDefault();
  });
})();
