// MathJax, with everything it may need beside it, and with MathML for screen readers.
window.MathJax = {
  loader: {
    load: ["a11y/assistive-mml"],
    paths: { fonts: "[mathjax]/fonts" },
  },
  output: { fontPath: "[fonts]/%%FONT%%-font", displayOverflow: "overflow", scale: 0.97 },
  tex: { inlineMath: [["\\(", "\\)"]], displayMath: [["\\[", "\\]"]], processEnvironments: false },
  options: {
    processHtmlClass: "math",
    ignoreHtmlClass: "document",
    enableAssistiveMml: true,
    enableEnrichment: false,
    enableExplorer: false,
    enableSpeech: false,
    enableBraille: false,
    menuOptions: {
      settings: { enrich: false, speech: false, braille: false, collapsible: false, assistiveMml: true },
    },
  },
};
