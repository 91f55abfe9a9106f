// Saves the answer shown as soon as it is chosen; the buttons save as well, so that the page works without this.
const form = document.getElementById("question");
const status = document.getElementById("saving");
let wanted = 0;
let saved = 0;
let isSending = false;

async function send() {
  if (isSending || saved === wanted) return;
  isSending = true;
  const sending = wanted;
  const body = new URLSearchParams(new FormData(form));
  body.set("go", "stay");
  status.textContent = form.dataset.saving;
  try {
    const response = await fetch(form.action, {
      method: "POST", body, headers: { Accept: "application/json" }, credentials: "same-origin",
    });
    if (response.status >= 500) throw new Error(String(response.status));
    if (!response.ok) {
      status.textContent = (await response.json()).title;
      saved = sending;
    } else {
      saved = sending;
      if (saved === wanted) status.textContent = form.dataset.saved;
    }
  } catch {
    status.textContent = form.dataset.failed;
    setTimeout(send, 4000);
    return;
  } finally {
    isSending = false;
  }
  send();
}

form.addEventListener("change", () => {
  wanted += 1;
  send();
});
addEventListener("online", send);
addEventListener("beforeunload", (event) => {
  if (saved !== wanted && !isSubmitting) event.preventDefault();
});
let isSubmitting = false;
form.addEventListener("submit", () => {
  isSubmitting = true;
});
