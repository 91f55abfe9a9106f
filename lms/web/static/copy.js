// Buttons that copy the value of a field; without this the text is selected by hand.
async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    // In a frame the clipboard may be forbidden: the older way needs no permission.
    document.execCommand("copy");
  }
  button.firstChild.textContent = button.dataset.done;
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
