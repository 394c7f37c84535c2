// MathJax, with everything it may need beside it, and with MathML for screen readers. A formula is
// set when it comes into view: all of a chapter at once would hold the page up for seconds. One
// that is too long for its place is set smaller, and on a narrow screen scrolls: broken into lines,
// fractions would read as others. No menu: each formula would be a stop for the tab key.
const narrow = window.matchMedia("screen and (max-width: 900px)").matches;
window.MathJax = {
  loader: {
    load: ["a11y/assistive-mml", "ui/lazy"],
    paths: { fonts: "[mathjax]/fonts" },
  },
  output: { fontPath: "[fonts]/%%FONT%%-font", displayOverflow: narrow ? "overflow" : "scale", scale: 0.97 },
  tex: { inlineMath: [["\\(", "\\)"]], displayMath: [["\\[", "\\]"]], processEnvironments: false },
  options: {
    processHtmlClass: "math",
    ignoreHtmlClass: "document",
    enableAssistiveMml: true,
    enableMenu: false,
    lazyMargin: "600px",
    enableEnrichment: false,
    enableExplorer: false,
    enableSpeech: false,
    enableBraille: false,
    menuOptions: {
      settings: { enrich: false, speech: false, braille: false, collapsible: false, assistiveMml: true },
    },
  },
};
