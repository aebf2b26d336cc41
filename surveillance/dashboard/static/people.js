// The badge's print button, which only works where this script does.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const print = document.getElementById("print");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  }
});
