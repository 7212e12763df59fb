// Signs a message as npm's soap does: node sign.js MESSAGE.xml KEY.pem CERTIFICATE.pem, from the folder with node_modules.
const { readFileSync } = require("fs");
const { createRequire } = require("module");
const { WSSecurityCert } = createRequire(`${process.cwd()}/`)("soap");
const [message, key, certificate] = process.argv.slice(2).map((name) => readFileSync(name, "utf8"));
const options = {
    signatureAlgorithm: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    digestAlgorithm: "http://www.w3.org/2001/04/xmlenc#sha256",
};
process.stdout.write(new WSSecurityCert(key, certificate, "", options).postProcess(message, "soap"));
