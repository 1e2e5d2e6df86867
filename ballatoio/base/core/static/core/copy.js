/* Copies the text of the page with one click; without it one selects and copies as ever. */
(function () {
  "use strict";
  var button = document.querySelector("[data-copy]"), text = document.querySelector("[data-copy-text]");
  if (!button || !text || !navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", function () {
    navigator.clipboard.writeText(text.value).then(function () {
      button.textContent = button.getAttribute("data-copied");
    }, function () {
      text.focus();
      text.select();
    });
  });
})();
