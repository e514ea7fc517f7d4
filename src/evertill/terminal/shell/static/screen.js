// Makes the screen quicker; without it every key is a form post and live parts reload. It keeps nothing and decides nothing.
(() => {
  // A release counts as displayed once its page stands on this screen.
  const shown = document.querySelector("[data-displayed]");
  const tell = () => {
    if (document.visibilityState !== "visible") return;
    document.removeEventListener("visibilitychange", tell);
    fetch(shown.dataset.displayed, { method: "POST", body: new URLSearchParams({ token: shown.dataset.token }) }).catch(() => {});
  };
  if (shown) {
    document.addEventListener("visibilitychange", tell);
    tell();
  }

  // Keys answer at once; the digits stay in the field.
  const pad = document.getElementById("pad");
  if (pad) {
    const field = pad.elements.pin;
    const press = (key) => {
      if (key === "back") field.value = field.value.slice(0, -1);
      else if (key === "clear") field.value = "";
      else if (field.value.length < field.maxLength) field.value += key;
      document.querySelectorAll(".banner[role=alert]").forEach((old) => old.remove());
    };
    pad.addEventListener("submit", (event) => {
      if (event.submitter && event.submitter.name === "key") {
        event.preventDefault();
        press(event.submitter.value);
      }
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      pad.requestSubmit(pad.elements.go);
    });
  }

  // A page that waits for something asks again and is swapped only where it changed; once it is over, it is loaded anew.
  const parts = ["main", ".dock", ".still"];
  const live = () => Number(document.querySelector("main").dataset.live);
  const look = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    if (answer) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = page.querySelector("main");
      if (!main || !main.dataset.live) { location.reload(); return; }
      for (const part of parts) {
        const [old, fresh] = [document.querySelector(part), page.querySelector(part)];
        if (old && fresh && old.innerHTML !== fresh.innerHTML) old.innerHTML = fresh.innerHTML;
      }
    }
    setTimeout(look, 1000 * live());
  };
  if (live()) setTimeout(look, 1000 * live());

  const print = document.querySelector("[data-print]");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  }
})();
