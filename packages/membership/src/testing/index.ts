export { SimDatagrams, type SimDatagramSettings } from './sim-datagrams.ts'
