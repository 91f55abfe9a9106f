// Looks again whether the packs are made, while one is waiting; without this the page shows it when loaded anew.
const pause = 2000;
const list = document.getElementById("packs");
let tries = 0;

async function look() {
  if (!list.querySelector("[data-state=wanted]") || tries >= 300) return;
  tries += 1;
  try {
    const response = await fetch(location.href, { credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("packs");
    if (response.ok && fresh && fresh.innerHTML !== list.innerHTML) list.replaceChildren(...fresh.children);
  } catch {
    // The connection is interrupted: the next look may succeed.
  }
  setTimeout(look, pause);
}

setTimeout(look, pause);
