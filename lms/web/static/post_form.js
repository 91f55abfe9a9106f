// Posts the page's one form by itself; without this its button does.
document.querySelector("form[data-post]").submit();
