/* «Read it to me». The page is complete without this file: the button shows only where the browser has a voice. */
(function () {
  "use strict";
  var voice = window.speechSynthesis, lang = document.documentElement.lang;
  var button = document.querySelector("[data-read-aloud]");
  if (!voice || !button) return;
  var label = button.querySelector("span"), start = label.textContent, reading = false;

  function find() {
    return voice.getVoices().filter(function (v) { return v.lang.slice(0, 2) === lang.slice(0, 2); })[0];
  }
  function show() { if (find()) button.hidden = false; }
  function stop() {
    reading = false;
    voice.cancel();
    label.textContent = start;
    document.querySelectorAll(".reading").forEach(function (n) { n.classList.remove("reading"); });
  }
  function parts() {
    var all = document.querySelectorAll("main h1, main h2, main h3, main p, main li, main dt, main dd, main td, main th");
    return Array.prototype.filter.call(all, function (n) {
      return n.offsetParent && n.textContent.trim() && !n.querySelector("p, li, dt, td, h2, h3");
    });
  }
  function read(nodes, i) {
    if (!reading || i >= nodes.length) return stop();
    var text = new SpeechSynthesisUtterance(nodes[i].textContent.replace(/\s+/g, " ").trim());
    text.lang = lang;
    text.voice = find();
    text.rate = 0.9;
    nodes[i].classList.add("reading");
    text.onend = text.onerror = function () {
      nodes[i].classList.remove("reading");
      if (reading) read(nodes, i + 1);
    };
    voice.speak(text);
  }
  button.addEventListener("click", function () {
    if (reading) return stop();
    reading = true;
    label.textContent = button.dataset.stop;
    read(parts(), 0);
  });
  window.addEventListener("pagehide", stop);
  show();
  if (voice.addEventListener) voice.addEventListener("voiceschanged", show);
})();
