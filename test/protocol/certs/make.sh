#!/bin/sh
# Makes the certificates of the TLS tests, valid for a hundred years. They protect nothing.
set -eu
cd "$(dirname "$0")"
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
sign() { # name, subject, extension
  openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
  printf '%s\n' "$3" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 36500 -extfile "$1.ext" -out "$1.crt"
  rm "$1.csr" "$1.ext"
}
key ca.key
openssl req -x509 -new -key ca.key -days 36500 -subj '/CN=clip-server test CA' -out ca.crt
key server.key
sign server '/CN=localhost' 'subjectAltName=DNS:localhost,IP:127.0.0.1'
openssl ec -aes256 -passout pass:secret -in server.key -out server-encrypted.key
key other.key
key client.key
sign client '/CN=test client' 'extendedKeyUsage=clientAuth'
rm ca.key ca.srl
