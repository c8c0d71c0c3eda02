#!/bin/sh
# Makes the certificates of the TLS tests, valid for a hundred years (next: a little longer). They protect nothing.
set -eu
cd "$(dirname "$0")"
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
sign() { # name, subject, extension, issuer, days
  openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
  printf '%s\n' "$3" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$4.crt" -CAkey "$4.key" -CAcreateserial -days "$5" -extfile "$1.ext" -out "$1.crt"
  rm "$1.csr" "$1.ext"
}
LOCAL='subjectAltName=DNS:localhost,IP:127.0.0.1'
key ca.key
openssl req -x509 -new -key ca.key -days 36600 -subj '/CN=clip-server test CA' -out ca.crt
key server.key
sign server '/CN=localhost' "$LOCAL" ca 36500
openssl ec -aes256 -passout pass:secret -in server.key -out server-encrypted.key
openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:secret -in server.key -out server-encrypted-pkcs8.key
key next.key
sign next '/CN=localhost' "$LOCAL" ca 36550
openssl genrsa -traditional -out rsa.key 2048
sign rsa '/CN=localhost' "$LOCAL" ca 36500
openssl pkcs8 -topk8 -nocrypt -in rsa.key -out rsa-pkcs8.key
openssl rsa -traditional -aes128 -passout pass:secret -in rsa.key -out rsa-encrypted.key
key issuer.key
sign issuer '/CN=clip-server test issuer' 'basicConstraints=critical,CA:TRUE' ca 36500
key chain.key
sign chain '/CN=localhost' "$LOCAL" issuer 36550
cat issuer.crt >> chain.crt
key other.key
key client.key
sign client '/CN=test client' 'extendedKeyUsage=clientAuth' ca 36500
rm ca.key issuer.key issuer.crt ./*.srl
