// Asks Go's crypto/x509 whether a TLS client would take a chain: judge HOST TIME ROOT.pem SENT.pem
// Exit status 0: yes; 1: no, and standard error says why; 2: it could not be asked.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strconv"
	"time"
)

func main() {
	seconds, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	for _, root := range certificates(os.Args[3]) {
		roots.AddCert(root)
	}
	sent := certificates(os.Args[4])
	for _, other := range sent[1:] {
		others.AddCert(other)
	}
	_, err = sent[0].Verify(x509.VerifyOptions{
		DNSName: os.Args[1], Intermediates: others, Roots: roots, CurrentTime: time.Unix(seconds, 0),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// certificates reads a file as crypto/tls reads a handshake: one certificate that cannot be parsed ends it.
func certificates(path string) []*x509.Certificate {
	rest, err := os.ReadFile(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	var found []*x509.Certificate
	for {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			return found
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		found = append(found, certificate)
	}
}
