// placeholder, to be removed by the first real file
