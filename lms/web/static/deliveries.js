// Looks again, a few times, whether the result has reached Moodle; without this the page shows it when loaded anew.
const pause = 2000;
const list = document.getElementById("deliveries");
let tries = 0;

async function look() {
  if (!list.querySelector("[data-state=wanted]") || tries >= 10) return;
  tries += 1;
  try {
    const response = await fetch(location.href, { credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("deliveries");
    // The list stays and its lines change, and only when there is news: so screen readers announce it, once.
    if (response.ok && fresh && fresh.innerHTML !== list.innerHTML) list.replaceChildren(...fresh.children);
  } catch {
    // The connection is interrupted: the next look may succeed.
  }
  setTimeout(look, pause);
}

setTimeout(look, pause);
