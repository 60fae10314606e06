export { memberKey, secretCipher } from './aes-gcm-cipher.ts'
